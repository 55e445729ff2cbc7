# Runs cells of Python and keeps their state. Speaks on the standard input and output it was started with:
# MARK, length as 4 bytes big-endian, that many bytes of JSON; MARK is the session's id. Cells never see those two:
# descriptors 0, 1 and 2 are replaced, so that prints, and prints of child processes, become part of the cell's result.
import ast, asyncio, base64, builtins, fcntl, io, json, linecache, os, signal, struct, sys, threading, time, traceback, types, warnings

MARK = sys.argv[1].encode()
__file__ = "<session>"
TEXT_MAX = 4 * 1024 * 1024
RESULTS_MAX_BYTES = 16 * 1024 * 1024
VALUE_TEXT_MAX = 1024 * 1024
CO_COROUTINE = 0x80


class Capture:
    """What is written to a descriptor, kept up to a limit, read by a thread so that writers never block for long."""

    def __init__(self, fd):
        self.read_end, write_end = os.pipe()
        os.dup2(write_end, fd, inheritable=True)
        os.close(write_end)
        os.set_blocking(self.read_end, False)
        self.lock = threading.Lock()
        self.kept = bytearray()
        self.dropped = 0
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        import select

        poll = select.poll()
        poll.register(self.read_end, select.POLLIN)
        while True:
            poll.poll()
            self.drain()

    def drain(self):
        # Bounded, because a child process may write without end.
        with self.lock:
            for _ in range(64):
                try:
                    piece = os.read(self.read_end, 65536)
                except (BlockingIOError, InterruptedError):
                    return
                if not piece:
                    return
                room = TEXT_MAX - len(self.kept)
                self.kept += piece[:room]
                self.dropped += max(0, len(piece) - room)

    def take(self):
        self.drain()
        with self.lock:
            text = self.kept.decode("utf-8", "replace")
            if self.dropped:
                text += "\n[%d more bytes not kept]\n" % self.dropped
            self.kept, self.dropped = bytearray(), 0
        return text


def read_exactly(fd, count):
    pieces = []
    while count:
        piece = os.read(fd, min(count, 1 << 20))
        if not piece:
            raise EOFError
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def text_of(value):
    text = repr(value)
    return text if len(text) <= VALUE_TEXT_MAX else text[:VALUE_TEXT_MAX] + "..."


REPRESENTATIONS = (
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("text/latex", "_repr_latex_"),
    ("application/json", "_repr_json_"),
)


def as_text(mime, data):
    if isinstance(data, tuple):
        data = data[0]
    if isinstance(data, bytes):
        return base64.b64encode(data).decode("ascii")
    if mime == "application/json" and not isinstance(data, str):
        return json.dumps(data)
    return str(data)


class Session:
    def __init__(self):
        main = types.ModuleType("__main__")
        main.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = main
        self.names = main.__dict__
        self.results = []
        self.results_bytes = 0
        self.in_cell = False
        self.loop = None
        builtins.display = lambda *values: [self.show(value) for value in values] and None

    def show(self, value):
        bundle = {"text/plain": text_of(value)}
        if not isinstance(value, type):
            for mime, method in REPRESENTATIONS:
                try:
                    data = getattr(value, method)()
                    if data is not None:
                        bundle[mime] = as_text(mime, data)
                except Exception:
                    pass
        self.add(bundle)

    def add(self, bundle):
        self.results_bytes += sum(len(data) for data in bundle.values())
        if self.results_bytes <= RESULTS_MAX_BYTES:
            self.results.append(bundle)
        else:
            sys.stderr.write("[a result of this cell was too large to be kept]\n")

    def show_figures(self):
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            image = io.BytesIO()
            pyplot.figure(number).savefig(image, format="png", bbox_inches="tight")
            self.add({"image/png": base64.b64encode(image.getvalue()).decode("ascii")})
        pyplot.close("all")

    def evaluate(self, code):
        result = eval(code, self.names)
        if code.co_flags & CO_COROUTINE:
            if self.loop is None:
                self.loop = asyncio.new_event_loop()
                asyncio.set_event_loop(self.loop)
            result = self.loop.run_until_complete(result)
        return result

    def execute(self, source, name):
        tree = ast.parse(source, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.evaluate(compile(tree, name, "exec", flags, dont_inherit=True))
        if last is not None:
            value = self.evaluate(compile(ast.Expression(last.value), name, "eval", flags, dont_inherit=True))
            if value is not None:
                self.names["_"] = value
                self.show(value)

    def run(self, number, source):
        name = "<cell %d>" % number
        # So that tracebacks show the lines of the cell.
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        self.results, self.results_bytes = [], 0
        try:
            try:
                signal.signal(signal.SIGINT, self.interrupt)
                self.in_cell = True
                self.execute(source, name)
                self.show_figures()
            finally:
                self.in_cell = False
            return None
        except BaseException as error:
            self.in_cell = False
            return self.describe(error)

    def describe(self, error):
        if isinstance(error, SystemExit):
            return None if error.code in (None, 0) else "SystemExit: %s" % (error.code,)
        trace = traceback.TracebackException(type(error), error, error.__traceback__)
        # The frames of this file say nothing to the one who wrote the cell.
        trace.stack = traceback.StackSummary.from_list(
            [frame for frame in trace.stack if frame.filename != __file__][-50:]
        )
        return "".join(trace.format())[-65536:]

    def interrupt(self, *_):
        if self.in_cell:
            raise KeyboardInterrupt


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def main():
    requests, replies = os.dup(0), os.dup(1)
    for fd in (requests, replies):
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    captures = {"stdout": Capture(1), "stderr": Capture(2)}
    os.environ.setdefault("MPLBACKEND", "Agg")
    warnings.filterwarnings("ignore", message=".*non-interactive.*")
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    out, err = sys.stdout, sys.stderr
    sys.argv = [""]
    sys.path.insert(0, "")
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        # In a clone the context goes on with random numbers of its own.
        import pandastack_thaw  # noqa: F401
    except ImportError:
        pass
    session = Session()
    number = 0
    while True:
        try:
            if read_exactly(requests, len(MARK)) != MARK:
                return
            request = json.loads(read_exactly(requests, struct.unpack(">I", read_exactly(requests, 4))[0]))
        except EOFError:
            return
        number += 1
        # exit() closes it.
        sys.stdin = open(0, "r", closefd=False)
        started = time.monotonic()
        error = session.run(number, request["code"])
        flush()
        sys.stdout, sys.stderr = out, err
        flush()
        reply = {
            "cell": request["cell"],
            "stdout": captures["stdout"].take(),
            "stderr": captures["stderr"].take(),
            "results": session.results,
            "error": error,
            "duration_ms": int((time.monotonic() - started) * 1000),
        }
        payload = json.dumps(reply, ensure_ascii=True).encode("ascii")
        write_all(replies, MARK + struct.pack(">I", len(payload)) + payload)


main()
