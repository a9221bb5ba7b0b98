"""A server of a test's own, for what cannot be done to a shared one.

Purpose: make, start, stop, kill a private cluster, with settings of the test's own;
         read its log; find its gateway.
Never:   leave a process or a file behind; end a process that is not the cluster's.

    with Cluster("max_connections = 300") as cluster:
        session = cluster.session()
"""
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from reco_tap import Lost, Session, SqlError, literal, until

BINDIR = os.environ["RECO_BINDIR"]


def owner():
    """Who runs the servers: an unprivileged user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("no unprivileged user")


def as_owner(command, **options):
    """Runs a command as the owner; its output as text."""
    user = owner()
    if user:
        command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
                   "--clear-groups", "--"] + command
    return subprocess.run(command, capture_output=True, text=True, cwd="/",
                          stdin=subprocess.DEVNULL, **options)


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False
    except PermissionError:
        return True


def stand_still(pid):
    """Stops a process of the server while it sleeps: at work it may hold a lock that others need."""
    def sleeps():
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "S"
    until(sleeps)
    os.kill(pid, signal.SIGSTOP)


class Cluster:
    """One server; .dir is its directory, .log its log file."""

    def __init__(self, *settings, preload="reco", environment=None):
        self.settings = list(settings)
        self.preload = preload
        self.environment = environment or {}
        self.dir = None
        self.saved = {}
        self.port = None
        self.where = {}

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="reco-tap.", dir="/tmp")
        user = owner()
        if user:
            os.chown(self.dir, user.pw_uid, user.pw_gid)
        self.data = self.dir + "/data"
        self.log = self.dir + "/log"
        self.saved = {name: os.environ.get(name) for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER")}
        try:
            self.make()
            self.port = random.randint(20000, 32000)
            self.where = {"PGHOST": self.dir, "PGPORT": str(self.port), "PGDATABASE": "postgres", "PGUSER": "postgres"}
            os.environ.update(self.where)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        """Makes the data directory."""
        made = as_owner([BINDIR + "/initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8",
                         "--locale=C.UTF-8", "--auth=trust", "--no-sync"])
        if made.returncode:
            raise RuntimeError(made.stdout + made.stderr)
        self.configure(
            "listen_addresses = ''", f"unix_socket_directories = '{self.dir}'", "fsync = off",
            "max_connections = 60", "shared_buffers = 64MB", "timezone = 'UTC'",
            "log_timezone = 'UTC'", "log_line_prefix = '%m [%p] %q%a %d '",
            f"shared_preload_libraries = '{self.preload}'",
            # most tests count what is asked; those of the memory switch it on
            *(["reco.cache = off", "reco.id_registry = off", "reco.deny_list = off", "reco.result_cache = off"] if "reco" in self.preload else []),
            *self.settings)

    def __exit__(self, *exception):
        if self.running():
            as_owner([BINDIR + "/pg_ctl", "-D", self.data, "-m", "immediate", "-w", "-t", "30", "stop"])
        for name, value in self.saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(self.dir, ignore_errors=True)

    def configure(self, *lines):
        with open(self.data + "/postgresql.conf", "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def start(self):
        command = [BINDIR + "/pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "-s",
                   "-o", f"-p {self.port}", "start"]
        if self.environment:
            command = ["env"] + [f"{k}={v}" for k, v in self.environment.items()] + command
        started = as_owner(command)
        if started.returncode:
            raise RuntimeError(started.stderr + self.log_text()[-3000:])

    def stop(self, mode="fast", seconds=60):
        """Stops it; how many seconds that took, None where it failed."""
        began = time.monotonic()
        done = as_owner([BINDIR + "/pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", str(seconds), "-s", "stop"])
        return time.monotonic() - began if done.returncode == 0 else None

    def running(self):
        try:
            return alive(self.postmaster())
        except (OSError, ValueError, IndexError):
            return False

    def postmaster(self):
        with open(self.data + "/postmaster.pid", encoding="utf-8") as file:
            return int(file.readline())

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def session(self, database=None, user=None):
        os.environ.update(self.where)
        return Session(database, user=user)

    def children(self):
        """The server's processes: {pid: title}."""
        found = {}
        head = self.postmaster()
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{name}/cmdline", encoding="utf-8", errors="replace") as file:
                    title = file.read().replace("\0", " ").strip()
            except (OSError, IndexError, ValueError):
                continue
            if parent == head:
                found[int(name)] = title
        return found

    def gateway(self):
        """The gateway's pid, None when it does not run."""
        for pid, title in self.children().items():
            if "reco gateway" in title:
                return pid
        return None


class Standby(Cluster):
    """A hot standby of a server, with its settings and some more."""

    def __init__(self, primary, *settings):
        super().__init__(*settings)
        self.primary = primary

    def make(self):
        made = as_owner([BINDIR + "/pg_basebackup", "-D", self.data, "-h", self.primary.dir, "-p", str(self.primary.port),
                         "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync"])
        if made.returncode:
            raise RuntimeError(made.stdout + made.stderr)
        self.configure(f"unix_socket_directories = '{self.dir}'", *self.settings)

    def promote(self):
        """Makes it a primary; whether that worked."""
        return as_owner([BINDIR + "/pg_ctl", "-D", self.data, "-w", "-t", "60", "-s", "promote"]).returncode == 0

    def caught_up(self, session):
        """Waits until all is here that the primary has."""
        lsn = self.primary.session().value("SELECT pg_current_wal_flush_lsn()")
        return until(lambda: session.value(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t")


def gateway_pid(session):
    """The gateway's pid as the view has it; None when it does not run."""
    value = session.value("SELECT pid FROM reco_stat_worker WHERE worker = 'gateway'")
    return int(value) if value else None


def is_back(cluster, before):
    """Whether the server has another gateway; the one that was killed stands in the view until the server sees it."""
    try:
        return gateway_pid(cluster.session()) not in (None, before)
    except (Lost, SqlError):
        return False


def all_in(watcher, how_many, send):
    """Sends questions while the gateway stands still: so many slots are taken before any is answered. Whether they were."""
    pid = gateway_pid(watcher)
    stand_still(pid)
    try:
        send()
        return until(lambda: int(watcher.value("SELECT slots - slots_free FROM reco_stat_gateway")) >= how_many)
    finally:
        os.kill(pid, signal.SIGCONT)


def connect_services(session, emulator, **options):
    """Makes servers for all services of an emulator; options: {kind: {option: value}}."""
    more = {kind: "".join(f", {name} {literal(str(value))}" for name, value in settings.items())
            for kind, settings in options.items()}
    session.query(f"CREATE SERVER spotify FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify',"
                  f" base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'{more.get('spotify', '')})")
    session.query(f"CREATE SERVER reccobeats FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats',"
                  f" base_url '{emulator.reccobeats}'{more.get('reccobeats', '')})")
    session.query(f"CREATE SERVER gemini FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'gemini',"
                  f" base_url '{emulator.gemini}', model 'gemini-3.6-flash'{more.get('gemini', '')})")
    session.query("CREATE USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (client_id 'app', client_secret 's3cret-spotify')")
    session.query("CREATE USER MAPPING FOR PUBLIC SERVER gemini OPTIONS (api_key 's3cret-gemini')")


def resolve(kind, keys, deadline="10 s", priority="interactive", columns="key, outcome"):
    """A call of reco_resolve as SQL text."""
    array = "ARRAY[" + ", ".join(literal(key) for key in keys) + "]::text[]"
    return (f"SELECT {columns} FROM reco_resolve({literal(kind)}, {array}, "
            f"{literal(deadline)}::interval, {literal(priority)})")


def known_tracks(emulator, count):
    """Ids of tracks that ReccoBeats answers for under that very id."""
    found = [track["id"] for track in emulator.tracks(3 * count, covered="true") if not track["twin"]]
    assert len(found) >= count, f"the emulator knows {len(found)} tracks"
    return found[:count]


def nothing_left(session, slots=None):
    """Waits until all slots and all memory are free again; what is missing, else None."""
    def free():
        row = session.query("SELECT slots - slots_free, memory - memory_free FROM reco_stat_gateway")[0]
        return row == ["0", "0"]
    if until(free, 20):
        return None
    return session.query("SELECT * FROM reco_stat_gateway")[0]
