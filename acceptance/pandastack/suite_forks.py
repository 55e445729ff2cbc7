"""Snapshots, forks and sleep with the published Python client, unchanged, against a running installation.

    PANDASTACK_API=... PANDASTACK_API_KEY=... python -m unittest -v suite_forks
"""

import json
import time
import unittest
from pathlib import Path

import pandastack
from pandastack import Sandbox
from pandastack.exceptions import BadRequestError, NotFoundError
from pandastack.explore import Candidate, ExploreError

COUNTER = Path(__file__).with_name("guest-counter.py").read_bytes()
PORT = 8000


def count_of(sbx):
    """What the program in the sandbox's memory says of itself."""
    return json.loads(sbx.exec(f"curl -sf localhost:{PORT}", check=True).stdout)


def start_counter(sbx):
    sbx.filesystem.write("/root/counter.py", COUNTER)
    sbx.exec(f"setsid python3 /root/counter.py {PORT} </dev/null >/tmp/counter.log 2>&1 &")
    sbx.exec(f"until curl -sf localhost:{PORT} >/dev/null; do sleep 0.05; done")
    return count_of(sbx)


class WithParent(unittest.TestCase):
    """One sandbox with a program in its memory, a file on its disk and one in its memory."""

    @classmethod
    def setUpClass(cls):
        cls.parent = Sandbox.create(template="base", ttl_seconds=900, metadata={"suite": "forks"})
        cls.addClassCleanup(cls.parent.kill)
        cls.before = start_counter(cls.parent)
        cls.parent.exec("mkdir -p /app; echo disk > /app/kept; echo memory > /tmp/kept")

    def own(self, *sandboxes):
        """Kills them when the test is over, unless they are gone by then."""

        def kill(sbx):
            try:
                sbx.kill()
            except NotFoundError:
                pass

        for sbx in sandboxes:
            self.addCleanup(kill, sbx)

    def assert_goes_on(self, sbx):
        """It is the same program, and it runs by itself; the files are there."""
        first = count_of(sbx)
        self.assertEqual(first["secret"], self.before["secret"])
        deadline = time.monotonic() + 15
        while count_of(sbx)["ticks"] <= first["ticks"] and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertGreater(count_of(sbx)["ticks"], first["ticks"])
        self.assertEqual(sbx.exec("cat /app/kept /tmp/kept").stdout, "disk\nmemory\n")

    def assert_gone(self, sandbox_id):
        with self.assertRaises(NotFoundError):
            Sandbox.get(sandbox_id)


class Snapshots(WithParent):
    def test_a_snapshot_is_listed_got_made_into_a_sandbox_and_deleted(self):
        snapshots = pandastack.Client().snapshots
        snapshot_id = self.parent.snapshot()
        self.assertEqual(self.parent.refresh().status, "running")
        listed = snapshots.list(sandbox_id=self.parent.id)
        self.assertEqual(listed[0]["id"], snapshot_id)
        self.assertEqual(listed[0]["template"], "base")
        self.assertGreater(listed[0]["size_bytes"], 0)
        self.assertIn(snapshot_id, [one["id"] for one in snapshots.list()])
        self.assertEqual(snapshots.get(snapshot_id)["sandbox_id"], self.parent.id)
        # The client sends its default template as well, which is not the snapshot's.
        with Sandbox.create(from_snapshot=snapshot_id, ttl_seconds=120, metadata={"a": "b"}) as sbx:
            self.assertEqual((sbx.template, sbx.from_snapshot, sbx.metadata["a"]), ("base", snapshot_id, "b"))
            self.assertEqual((sbx.cpu, sbx.memory_mb), (self.parent.cpu, self.parent.memory_mb))
            self.assertNotEqual(sbx.id, self.parent.id)
            self.assert_goes_on(sbx)
            snapshots.delete(snapshot_id)
            self.assertEqual(sbx.exec("cat /app/kept").stdout, "disk\n")
        self.assertNotIn(snapshot_id, [one["id"] for one in snapshots.list()])
        for gone in (snapshots.get, snapshots.delete, lambda it: Sandbox.create(from_snapshot=it)):
            with self.assertRaises(NotFoundError):
                gone(snapshot_id)

    def test_an_unknown_snapshot_is_unknown(self):
        for odd in ("00000000-0000-4000-8000-000000000000", "none", "../x"):
            with self.assertRaises(NotFoundError):
                Sandbox.create(from_snapshot=odd)


class Forks(WithParent):
    def test_a_fork_goes_on_from_the_same_instant_and_is_somebody_else(self):
        child = self.parent.fork(metadata={"role": "child"})
        self.own(child)
        self.assertEqual((child.template, child.status), ("base", "running"))
        self.assertEqual((child.cpu, child.memory_mb), (self.parent.cpu, self.parent.memory_mb))
        self.assertEqual(child.metadata["role"], "child")
        self.assertEqual(child.metadata["fork_parent_id"], self.parent.id)
        self.assert_goes_on(child)
        self.assert_goes_on(self.parent)
        for command in ("hostname", "cat /etc/machine-id", "cat /run/pandastack/generation"):
            self.assertNotEqual(child.exec(command).stdout, self.parent.exec(command).stdout, command)
        self.assertEqual(self.parent.refresh().status, "running")

    def test_a_fork_without_metadata_works_too(self):
        child = self.parent.fork()
        self.own(child)
        self.assertEqual(Sandbox.get(child.id).template, "base")
        self.assert_goes_on(child)

    def test_nothing_written_later_is_shared(self):
        a, b = children = self.parent.fork_tree(2)
        self.own(*children)
        for name, sbx in (("parent", self.parent), ("a", a), ("b", b)):
            sbx.filesystem.write("/app/mine", name)
            sbx.exec(f"echo {name} > /tmp/mine")
        for name, sbx in (("parent", self.parent), ("a", a), ("b", b)):
            self.assertEqual(sbx.filesystem.read("/app/mine"), name.encode())
            self.assertEqual(sbx.exec("cat /tmp/mine").stdout, f"{name}\n")
        asked = count_of(b)["asked"]
        for _ in range(5):
            count_of(a)
        self.assertEqual(count_of(b)["asked"], asked + 1)

    def test_a_tree_is_promoted_and_its_other_children_are_gone(self):
        children = self.parent.fork_tree(count=3, metadata={"explore": "1"})
        self.own(*children)
        self.assertEqual(len({child.id for child in children}), 3)
        trees = {child.metadata["fork_tree_id"] for child in children}
        self.assertEqual(len(trees), 1)
        winner, *losers = children
        winner.exec("echo won > /app/won")
        promoted = winner.promote(cleanup_siblings=True)
        self.assertEqual(promoted["winner"], winner.id)
        self.assertEqual(promoted["tree_id"], trees.pop())
        self.assertEqual(set(promoted["deleted"]), {loser.id for loser in losers})
        self.assertEqual(promoted["failures"], {})
        for loser in losers:
            self.assert_gone(loser.id)
        self.assertEqual(winner.exec("cat /app/won").stdout, "won\n")
        self.assert_goes_on(winner)
        self.assertEqual(self.parent.exec("cat /app/won").exit_code, 1)

    def test_odd_counts_are_refused(self):
        for count in (0, -1, 101, "x"):
            with self.assertRaises(BadRequestError):
                self.parent.fork_tree(count)


class Explore(WithParent):
    def test_the_best_of_three_is_kept_with_its_memory_and_files(self):
        seen = []
        result = self.parent.explore(
            [
                Candidate.shell("poor", "echo 1 > /app/points; cat /app/points"),
                Candidate.shell("broken", "echo 9 > /app/points; exit 1"),
                # The client puts variables before the command, where they are for its first program alone.
                Candidate.shell(
                    "good",
                    f"sh -c 'curl -s localhost:{PORT}; echo; echo $N > /app/points; cat /app/points'",
                    env={"N": "7"},
                ),
            ],
            score_fn=lambda sbx, outcome: float(outcome.stdout_tail.split()[-1]) if outcome.ok else 0.0,
            on_outcome=lambda outcome: seen.append(outcome.label),
        )
        self.own(result.winner)
        self.assertEqual(result.errors, [])
        self.assertEqual(sorted(seen), ["broken", "good", "poor"])
        self.assertEqual(result.winner_outcome.label, "good")
        self.assertEqual([outcome.label for outcome in result.outcomes][:2], ["good", "poor"])
        self.assertIn(self.before["secret"], result.winner_outcome.stdout_tail)
        self.assertIn("/app/points", result.winner_outcome.files_changed)
        self.assertTrue(result.tree_id)
        self.assertEqual(result.reap_failures, {})
        losers = {outcome.sandbox_id for outcome in result.outcomes} - {result.winner.id}
        self.assertEqual(set(result.reaped), losers)
        for loser in losers:
            self.assert_gone(loser)
        self.assertEqual(result.winner.refresh().status, "running")
        self.assertEqual(result.winner.exec("cat /app/points").stdout, "7\n")
        self.assert_goes_on(result.winner)
        self.assertEqual(self.parent.refresh().status, "running")
        self.assertEqual(self.parent.exec("cat /app/points").exit_code, 1)
        self.assert_goes_on(self.parent)

    def test_when_none_is_good_all_are_gone(self):
        before = {sbx.id for sbx in Sandbox.list()}
        with self.assertRaises(ExploreError):
            self.parent.explore(["exit 1", "exit 2"])
        self.assertEqual({sbx.id for sbx in Sandbox.list()} - before, set())
        self.assert_goes_on(self.parent)

    def test_functions_may_drive_the_children(self):
        def plan(sbx):
            sbx.filesystem.write("/app/plan", "b")
            return sbx.exec("cat /app/plan /app/kept").stdout

        result = self.parent.explore([Candidate.call("plan", plan)], promote_winner=False, cleanup_losers=False)
        self.own(Sandbox.get(result.winner_outcome.sandbox_id))
        self.assertEqual(result.winner_outcome.value, "bdisk\n")


class Hibernate(WithParent):
    def test_it_sleeps_and_is_woken(self):
        for _ in range(2):
            self.parent.hibernate()
            self.assertEqual(self.parent.refresh().status, "hibernated")
        for _ in range(2):
            self.parent.wake()
            self.assertEqual(self.parent.refresh().status, "running")
        self.assert_goes_on(self.parent)

    def test_the_next_command_wakes_it(self):
        self.parent.hibernate()
        self.assertIn("hibernated", [sbx.status for sbx in Sandbox.list() if sbx.id == self.parent.id])
        self.assert_goes_on(self.parent)
        self.assertEqual(self.parent.refresh().status, "running")
        self.assertLess(abs(float(self.parent.exec("date +%s.%N").stdout) - time.time()), 5)

    def test_a_file_or_a_stream_wakes_it_as_well(self):
        self.parent.hibernate()
        self.assertEqual(self.parent.filesystem.read("/app/kept"), b"disk\n")
        self.parent.hibernate()
        chunks = []
        self.assertEqual(self.parent.exec_stream("cat /tmp/kept", on_stdout=chunks.append), 0)
        self.assertEqual("".join(chunks), "memory\n")

    def test_its_life_can_be_changed_and_told_around_a_sleep(self):
        self.parent.set_persistent(True)
        self.parent.hibernate()
        self.assertTrue(self.parent.lifecycle()["persistent"])
        self.assertEqual(self.parent.set_ttl(800)["ttl_seconds"], 800)
        self.assertFalse(self.parent.set_persistent(False)["persistent"])
        self.assert_goes_on(self.parent)

    def test_it_can_be_killed_in_its_sleep(self):
        sbx = Sandbox.create(template="base", ttl_seconds=120)
        sbx.hibernate()
        sbx.kill()
        self.assert_gone(sbx.id)


if __name__ == "__main__":
    unittest.main()
