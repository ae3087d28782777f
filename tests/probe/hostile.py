"""Models that misbehave, one a function of source text: for tests of the probe's isolation."""

HEAD = """
import os, signal, sys, time, socket, subprocess, ctypes, threading
import torch
from torch import nn
"""


def model(constructor: str = "pass", forward: str = "pass", head: str = "") -> str:
    """A file with one model, `Net`, whose constructor or forward pass does something first."""
    return f"""{HEAD}
{head}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {constructor}
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        {forward}
        return self.fc(x)
"""


#: name → (source, text that the reason must contain; None where the model must run)
CASES: dict[str, tuple[str, str | None]] = {
    "an endless loop": (model(forward="while True: pass"), "no result after 3 s (in forward, net.py:"),
    "an endless loop while it is built": (model("while True: pass"), "no result after 3 s (in __init__, net.py:"),
    "an endless loop at import": (model(head="class Early:\n    while True: pass"), "no result after"),
    "a sleep that ignores signals": (
        model(
            "[signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]; time.sleep(60)"
        ),
        "no result after 3 s (in __init__, net.py:",
    ),
    "os._exit": (model("os._exit(7)"), "the code called os._exit(7)"),
    "os._exit with zero": (model("os._exit(0)"), "the code called os._exit(0)"),
    "sys.exit after chdir": (model("os.chdir('/'); sys.exit(3)"), "the code called sys.exit(3)"),
    "a segmentation fault": (model(forward="ctypes.string_at(0)"), "ended with SIGSEGV (in forward, net.py:"),
    "an abort": (model("os.abort()"), "ended with SIGABRT"),
    "a kill of itself": (model("os.kill(os.getpid(), signal.SIGKILL)"), "ended with SIGKILL"),
    "a kill of its process group": (model("os.killpg(0, signal.SIGKILL)"), "ended with SIGKILL"),
    "a memory hog": (
        model("self.kept = []\n        while True: self.kept.append(torch.ones(8 << 20))"),
        "used more than 700 MB",
    ),
    "a memory hog in Python": (
        model("self.kept = []\n        while True: self.kept.append(bytearray(16 << 20))"),
        "used more than 700 MB",
    ),
    "a tensor of 16 TB": (model("torch.empty(1 << 42)"), "used more than 700 MB"),
    "too deep a recursion": (
        model("sys.setrecursionlimit(10**9)\n        def f(n): return f(n + 1)\n        f(0)"),
        "",  # ends in one way or another, by the version of Python
    ),
    "a fork bomb": (model("while True: os.fork()"), "processes"),
    "threads without end": (model("[threading.Thread(target=time.sleep, args=(60,)).start() for _ in range(5)]"), None),
    "a stray process": (
        model("if os.fork() == 0:\n            os.setsid()\n            os.fork()\n            time.sleep(60)"),
        None,
    ),
    "a child process that is left": (
        model("subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"),
        None,
    ),
    "the network": (
        model("socket.create_connection(('192.0.2.1', 80), 3)"),
        "the constructor wants the network (192.0.2.1:80)",
    ),
    "a name server": (
        model("socket.getaddrinfo('example.org', 80)"),
        "the constructor wants the network (example.org:80)",
    ),
    "a download of weights": (
        model("torch.hub.load_state_dict_from_url('https://example.org/weights.pt')"),
        "the constructor wants the network (example.org",
    ),
    "a large file": (model("open('f', 'wb').write(b'0' * (9 << 20))"), "wrote a file over 8 MB"),
    "a flood of output": (
        model("print('x' * 20_000_000); os.write(1, b'y' * 1000); sys.stderr.write('z' * 10_000_000)"),
        None,
    ),
    "a question to the user": (model("input('> ')"), "EOFError"),
    "a closed result pipe": (model("os.closerange(3, 256); raise SystemExit"), "the code closed the probe's own pipe"),
    "an exception of its own kind": (model("raise type('Odd', (BaseException,), {})('no')"), "Odd: no"),
    "an exception without a text": (
        model(forward="raise type('Bad', (Exception,), {'__str__': lambda s: 1 / 0})()"),
        "",
    ),
    "a class that lies about itself": (
        model(
            head="class M(type):\n    def __getattribute__(c, n): raise RuntimeError(n)\nclass Liar(metaclass=M): pass"
        ),
        None,
    ),
    "an import that exits": (model(head="class E: sys.exit(4)"), "the code called sys.exit(4)"),
    "a changed standard library": (model("import json; json.dumps = None; os.write = None; os._exit = None"), ""),
    "a standard output that is closed": (
        model("sys.stdout.close(); os.dup2(os.open(os.devnull, os.O_RDONLY), 2)"),
        None,
    ),
    "a model that is no module": (
        "import torch\nclass Net(torch.nn.Module):\n    def __new__(cls): return 3\n    def forward(self, x): return x",
        "not a model",
    ),
    "a model that is too large": (
        model("self.big = nn.ModuleList([nn.Linear(8000, 8000) for _ in range(9)])"),
        "at least 128 M parameters (limit 100 M; --probe-parameters raises it)",
    ),
}
