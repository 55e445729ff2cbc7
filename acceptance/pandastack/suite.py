"""The published Python client, unchanged, against a running installation. Each test is one promise of the README.

    PANDASTACK_API=... PANDASTACK_API_KEY=... python -m unittest -v suite
"""

import contextlib
import io
import os
import tempfile
import threading
import time
import unittest
import urllib.request
import uuid
from pathlib import Path

import pandastack
from pandastack import Sandbox
from pandastack.exceptions import (
    AuthError,
    BadRequestError,
    CommandFailed,
    NotFoundError,
    SandboxTimeout,
)


class Snippet(unittest.TestCase):
    def test_the_readme_snippet_prints_4_and_0(self):
        source = (
            "from pandastack import Sandbox\n"
            'sbx = Sandbox.create(template="agent", ttl_seconds=900)\n'
            "result = sbx.exec(\"python -c 'print(2 + 2)'\")\n"
            "print(result.stdout)\n"
            "print(result.exit_code)\n"
        )
        out = io.StringIO()
        scope = {}
        with contextlib.redirect_stdout(out):
            exec(source, scope)
        scope["sbx"].kill()
        self.assertEqual(out.getvalue().split(), ["4", "0"])


class WithSandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sbx = Sandbox.create(template="code-interpreter", ttl_seconds=600, metadata={"suite": "python"})

    @classmethod
    def tearDownClass(cls):
        cls.sbx.kill()


class Exec(WithSandbox):
    def test_streams_and_exit_code_are_apart(self):
        result = self.sbx.exec("echo out; echo err >&2; exit 3")
        self.assertEqual((result.stdout, result.stderr, result.exit_code), ("out\n", "err\n", 3))

    def test_check_raises_on_failure(self):
        with self.assertRaises(CommandFailed) as caught:
            self.sbx.exec("echo no >&2; exit 4", check=True)
        self.assertEqual(caught.exception.exit_code, 4)

    def test_a_timeout_is_a_timeout(self):
        begun = time.monotonic()
        with self.assertRaises(SandboxTimeout):
            self.sbx.exec("sleep 60", timeout_seconds=1)
        self.assertLess(time.monotonic() - begun, 20)
        # The command and its children are gone.
        self.assertEqual(self.sbx.exec("pgrep -x sleep").exit_code, 1)

    def test_text_survives_in_every_language(self):
        text = "héllo wörld \u4e16\u754c \U0001f43c"
        self.assertEqual(self.sbx.exec(f"printf %s '{text}'").stdout, text)

    def test_streamed_output_arrives_in_order_and_whole(self):
        chunks, errors = [], []
        text = "\u4e16\u754c\u2028\u0085\U0001f43c"
        code = self.sbx.exec_stream(
            f"for i in 1 2 3; do printf '%s-{text}\\n' $i; sleep 0.1; done; echo bad >&2; exit 7",
            on_stdout=chunks.append,
            on_stderr=errors.append,
        )
        self.assertEqual(code, 7)
        self.assertEqual("".join(chunks), "".join(f"{i}-{text}\n" for i in (1, 2, 3)))
        self.assertEqual("".join(errors), "bad\n")

    def test_ten_megabytes_stream_without_loss(self):
        size = [0]
        code = self.sbx.exec_stream(
            "head -c 10000000 /dev/zero | tr '\\0' x",
            on_stdout=lambda chunk: size.__setitem__(0, size[0] + len(chunk)),
        )
        self.assertEqual((code, size[0]), (0, 10_000_000))

    def test_the_commands_alias_runs(self):
        self.assertEqual(self.sbx.commands.run("echo hi").stdout, "hi\n")

    def test_run_code_in_python_and_shell(self):
        self.assertEqual(self.sbx.run_code("print(6 * 7)").stdout, "42\n")
        self.assertEqual(self.sbx.run_code("echo $((6 * 7))", language="shell").stdout, "42\n")

    def test_what_templates_promise_is_there(self):
        for command in ("python --version", "python3 --version", "node -v", "npm -v", "bash --version", "git --version", "curl --version"):
            self.assertEqual(self.sbx.exec(command).exit_code, 0, command)
        self.assertEqual(self.sbx.exec("id -un user").stdout, "user\n")


class CodeContext(WithSandbox):
    def test_state_is_kept_between_cells(self):
        with self.sbx.create_code_context() as context:
            context.run_code("x = 20")
            self.assertEqual(context.run_code("print(x + 1)").stdout, "21\n")
            self.assertEqual(context.run_code("x + 22").text, "42")

    def test_errors_and_unicode_come_back(self):
        with self.sbx.create_code_context() as context:
            failed = context.run_code("1 / 0")
            self.assertIn("ZeroDivisionError", str(failed.error))
            self.assertEqual(context.run_code("print('\u00e9\U0001f43c')").stdout, "\u00e9\U0001f43c\n")

    def test_a_plot_is_a_picture(self):
        with self.sbx.create_code_context() as context:
            done = context.run_code("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()", timeout_seconds=25)
            self.assertTrue(done.png, done)

    def test_a_runaway_cell_is_stopped_and_the_context_lives(self):
        with self.sbx.create_code_context() as context:
            context.run_code("y = 5")
            with self.assertRaises(SandboxTimeout):
                context.run_code("while True: pass", timeout_seconds=1)
            self.assertEqual(context.run_code("print(y)").stdout, "5\n")


class Files(WithSandbox):
    def test_bytes_go_in_and_come_out_unchanged(self):
        data = bytes(range(256)) * 4096 + b"\x00\xff"
        wrote = self.sbx.filesystem.write("/tmp/some dir/b\u00ef.bin", data)
        self.assertEqual(wrote["bytes"], len(data))
        self.assertEqual(self.sbx.filesystem.read("/tmp/some dir/b\u00ef.bin"), data)

    def test_listing_and_stat(self):
        self.sbx.exec("mkdir -p /tmp/list/sub; echo x > /tmp/list/a; : > /tmp/list/empty")
        entries = {entry.name: entry for entry in self.sbx.filesystem.listdir("/tmp/list")}
        self.assertEqual(set(entries), {"a", "empty", "sub"})
        self.assertTrue(entries["sub"].is_dir)
        self.assertEqual(entries["a"].size, 2)
        self.assertEqual(self.sbx.filesystem.stat("/tmp/list/a").size, 2)
        self.assertLess(abs(self.sbx.filesystem.stat("/tmp/list/a").mtime - time.time()), 120)

    def test_an_empty_directory_lists_as_empty(self):
        self.sbx.exec("mkdir -p /tmp/nothing")
        self.assertEqual(self.sbx.filesystem.listdir("/tmp/nothing"), [])

    def test_missing_files_are_missing(self):
        self.assertFalse(self.sbx.filesystem.exists("/tmp/none"))
        with self.assertRaises(NotFoundError):
            self.sbx.filesystem.read("/tmp/none")
        with self.assertRaises(NotFoundError):
            self.sbx.filesystem.stat("/tmp/none")

    def test_upload_download_and_walk(self):
        with tempfile.TemporaryDirectory() as local:
            source = Path(local) / "up"
            source.write_bytes(os.urandom(3_000_000))
            self.sbx.filesystem.upload(source, "/tmp/walk/deep/file")
            self.sbx.filesystem.download("/tmp/walk/deep/file", Path(local) / "down")
            self.assertEqual((Path(local) / "down").read_bytes(), source.read_bytes())
        found = [path for path, _, names in self.sbx.filesystem.walk("/tmp/walk") if names]
        self.assertEqual(found, ["/tmp/walk/deep"])


class Lifecycle(unittest.TestCase):
    def test_fields_tell_how_it_was_made(self):
        with Sandbox.create(template="base", ttl_seconds=60, metadata={"a": "b"}) as sbx:
            self.assertEqual((sbx.template, sbx.status, sbx.metadata["a"]), ("base", "running", "b"))
            self.assertEqual(str(uuid.UUID(sbx.id)), sbx.id)
            self.assertIn(sbx.boot_mode, ("snapshot", "cold"))
            self.assertGreater(sbx.boot_ms, 0)
            self.assertIn(sbx.id, [other.id for other in Sandbox.list()])
            self.assertEqual(Sandbox.get(sbx.id).id, sbx.id)
        with self.assertRaises(NotFoundError):
            Sandbox.get(sbx.id)

    def test_aliases_and_the_default_template_work(self):
        for template in ("ubuntu-24.04", "node"):
            with Sandbox.create(template=template, ttl_seconds=60) as sbx:
                self.assertEqual(sbx.exec("echo ok").stdout, "ok\n")

    def test_pause_and_resume(self):
        with Sandbox.create(template="base", ttl_seconds=120) as sbx:
            sbx.exec("echo kept > /tmp/kept")
            sbx.pause()
            self.assertEqual(sbx.refresh().status, "paused")
            sbx.pause()
            sbx.resume()
            sbx.resume()
            self.assertEqual(sbx.refresh().status, "running")
            self.assertEqual(sbx.exec("cat /tmp/kept").stdout, "kept\n")

    def test_ttl_and_persistence_can_be_changed(self):
        with Sandbox.create(template="base", ttl_seconds=60) as sbx:
            self.assertEqual(sbx.lifecycle()["ttl_seconds"], 60)
            self.assertEqual(sbx.set_ttl(900)["ttl_seconds"], 900)
            self.assertTrue(sbx.set_persistent(True)["persistent"])
            self.assertFalse(sbx.set_persistent(False)["persistent"])

    def test_it_is_gone_when_its_time_is_over(self):
        sbx = Sandbox.create(template="base", ttl_seconds=2)
        time.sleep(4)
        with self.assertRaises(NotFoundError):
            Sandbox.get(sbx.id)

    def test_two_sandboxes_share_nothing(self):
        with Sandbox.create(template="base", ttl_seconds=60) as a, Sandbox.create(template="base", ttl_seconds=60) as b:
            a.exec("echo secret > /root/mine")
            self.assertEqual(b.exec("cat /root/mine").exit_code, 1)
            for command in ("hostname", "cat /etc/machine-id", "head -c 16 /dev/urandom | od -An -tx1", "cat /run/pandastack/generation"):
                self.assertNotEqual(a.exec(command).stdout, b.exec(command).stdout, command)
            for sbx in (a, b):
                self.assertLess(abs(float(sbx.exec("date +%s.%N").stdout) - time.time()), 5)

    def test_kill_ends_it_at_once_and_twice_is_an_error(self):
        sbx = Sandbox.create(template="base", ttl_seconds=60)
        sbx.kill()
        with self.assertRaises(NotFoundError):
            sbx.kill()


class Ports(WithSandbox):
    def test_a_server_inside_is_listed_and_logs_are_kept(self):
        self.sbx.exec("mkdir -p /tmp/www; cd /tmp/www; echo hello > index.html; setsid python3 -m http.server 8000 >/tmp/www.log 2>&1 < /dev/null & sleep 1; true")
        deadline = time.monotonic() + 15
        while 8000 not in self.sbx.preview_urls() and time.monotonic() < deadline:
            time.sleep(0.3)
        self.assertIn(8000, self.sbx.preview_urls())
        request = urllib.request.Request(
            f"{os.environ['PANDASTACK_API']}/v1/sandboxes/{self.sbx.id}/proxy/8000/index.html",
            headers={"Authorization": f"Bearer {os.environ['PANDASTACK_API_KEY']}"},
        )
        self.assertEqual(urllib.request.urlopen(request, timeout=20).read(), b"hello\n")

    def test_logs_hold_what_commands_wrote(self):
        self.sbx.exec("echo into-the-log")
        self.assertTrue(any("into-the-log" in line for line in self.sbx.logs()))

    def test_logs_can_be_followed(self):
        seen = threading.Event()

        def follow():
            with contextlib.suppress(Exception):
                for line in self.sbx.logs(follow=True):
                    if "followed-line" in line:
                        return seen.set()

        threading.Thread(target=follow, daemon=True).start()
        deadline = time.monotonic() + 20
        while not seen.is_set() and time.monotonic() < deadline:
            self.sbx.exec("echo followed-line")
            time.sleep(0.3)
        self.assertTrue(seen.is_set())


class Account(unittest.TestCase):
    def test_templates_are_listed(self):
        names = {template["name"] if isinstance(template, dict) else template.name for template in pandastack.Client().templates.list()}
        self.assertLessEqual({"base", "agent", "code-interpreter"}, names)

    def test_me_and_tokens(self):
        client = pandastack.Client()
        self.assertTrue(client.me())
        made = client.tokens.create("acceptance", expires_in_days=1)
        token = made["token"] if isinstance(made, dict) else made.token
        prefix = made["prefix"] if isinstance(made, dict) else made.prefix
        self.assertRegex(token, r"^pds_[0-9a-f]{32}$")
        self.assertEqual(pandastack.Client(api_key=token).sandboxes.list().__class__, list)
        client.tokens.revoke(prefix)
        time.sleep(1.2)
        with self.assertRaises(AuthError):
            pandastack.Client(api_key=token).sandboxes.list()

    def test_wrong_keys_get_nothing(self):
        with self.assertRaises(AuthError):
            pandastack.Client(api_key="pds_" + "0" * 32).sandboxes.list()

    def test_bad_requests_are_told_in_words(self):
        for arguments in ({"template": "no-such"}, {"ttl_seconds": -5}, {"ttl_seconds": 10**12}):
            with self.assertRaises(BadRequestError) as caught:
                Sandbox.create(**{"template": "base", **arguments})
            self.assertGreater(len(str(caught.exception)), 5)
        with self.assertRaises(NotFoundError):
            Sandbox.get("../../etc/passwd")


if __name__ == "__main__":
    unittest.main()
