"""The command line as a user meets it: help is instant, every error is one line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import types

import pytest

from claifo import cli
from claifo.resources import SOURCE_ROOT
from claifo_core.errors import ClaifoError
from claifo_sim.errors import SimError

HEAVY = ('torch', 'mujoco', 'dm_control', 'gymnasium', 'rosbags', 'matplotlib', 'cv2', 'scipy')
COMMANDS = (
    'tasks', 'domains', 'expert', 'bag', 'train', 'study', 'eval', 'report', 'doctor', 'bench',
)  # fmt: skip


def claifo(*args: str, **settings) -> subprocess.CompletedProcess:
    command = [sys.executable, '-m', 'claifo', *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, **settings)


def assert_one_line_error(result: subprocess.CompletedProcess, *words: str) -> None:
    assert result.returncode == 2
    assert result.stderr.startswith('claifo: error: ')
    assert result.stderr.count('\n') == 1
    for word in words:
        assert word in result.stderr


def run_with(monkeypatch, function, argv=('probe',)) -> int:
    """Run `function` as if it were a command."""

    def add_parser(commands):
        parser = commands.add_parser('probe', help='of this test')
        parser.add_argument('--size-px', type=int)
        parser.set_defaults(run=function)

    monkeypatch.setattr(cli, 'COMMANDS', (types.SimpleNamespace(add_parser=add_parser),))
    return cli.main(list(argv))


def raising(error: BaseException):
    def run(_args):
        raise error

    return run


def test_help_lists_every_command():
    result = claifo('--help')
    assert result.returncode == 0
    for command in COMMANDS:
        assert f'\n    {command} ' in result.stdout


def test_help_imports_nothing_heavy():
    code = (
        'import sys\nfrom claifo.cli import build_parser\n'
        f'build_parser().format_help()\nprint([m for m in {HEAVY} if m in sys.modules])'
    )
    output = subprocess.run([sys.executable, '-c', code], capture_output=True, check=True).stdout
    assert output == b'[]\n'


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help(command):
    result = claifo(command, '--help')
    assert result.returncode == 0
    assert result.stdout.startswith(f'usage: claifo {command}')
    assert result.stderr == ''


def test_unknown_command_names_the_nearest():
    assert_one_line_error(claifo('trian'), 'there is no trian (did you mean train?)')


def test_unknown_action_names_the_nearest():
    assert_one_line_error(claifo('expert', 'recrod'), 'did you mean record?')


def test_unknown_option_names_the_nearest():
    assert_one_line_error(claifo('doctor', '--sise-px=3'), '--sise-px=3 (did you mean --size-px?)')


def test_options_are_not_abbreviated():
    assert_one_line_error(claifo('doctor', '--size', '3'), 'unknown argument --size')


def test_no_command_at_all():
    assert_one_line_error(claifo(), 'COMMAND')


@pytest.mark.parametrize('kind', [ClaifoError, SimError])
def test_user_errors_are_one_line(monkeypatch, capsys, kind):
    code = run_with(monkeypatch, raising(kind('run/config.yaml: first\n  second')))
    assert code == 2
    assert capsys.readouterr().err == 'claifo: error: run/config.yaml: first second\n'


def test_a_missing_file_is_named(monkeypatch, capsys, tmp_path):
    path = tmp_path / 'absent'
    assert run_with(monkeypatch, lambda _args: path.read_text()) == 2
    assert capsys.readouterr().err == f'claifo: error: {path}: No such file or directory\n'


def test_a_full_disk_is_an_error_of_the_user(monkeypatch, capsys):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert run_with(monkeypatch, raising(full)) == 2
    assert capsys.readouterr().err == 'claifo: error: No space left on device\n'


@pytest.mark.parametrize('bug', [OSError(errno.EBADF, 'bad file'), KeyError('x'), TypeError()])
def test_our_own_bugs_keep_their_traceback(monkeypatch, bug):
    with pytest.raises(type(bug)):
        run_with(monkeypatch, raising(bug))


def test_exit_code_of_the_command_is_passed_on(monkeypatch):
    assert run_with(monkeypatch, lambda args: args.size_px, ('probe', '--size-px', '7')) == 7


def test_interrupt_is_one_line(monkeypatch, capsys):
    assert run_with(monkeypatch, raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == 'claifo: interrupted\n'


def test_ctrl_c_of_a_running_process():
    code = (
        'import sys, time, types\nfrom claifo import cli\n'
        'def run(_):\n    print("ready", flush=True)\n    time.sleep(60)\n'
        'def add(commands):\n    commands.add_parser("wait").set_defaults(run=run)\n'
        'cli.COMMANDS = (types.SimpleNamespace(add_parser=add),)\nsys.exit(cli.main(["wait"]))'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == 'claifo: interrupted\n'


def test_a_reader_that_leaves_is_no_error():
    process = subprocess.Popen(
        [sys.executable, '-m', 'claifo', 'tasks'], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    stderr = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert stderr == b''


def test_bench_without_its_script_says_so(monkeypatch, capsys, tmp_path):
    from claifo.commands import bench

    monkeypatch.setattr(bench, 'SOURCE_ROOT', tmp_path)
    assert cli.main(['bench', 'sim']) == 2
    assert 'bench_sim.py: no such file' in capsys.readouterr().err


def test_bench_runs_the_script_of_that_name(monkeypatch, capfd, tmp_path):
    from claifo.commands import bench

    (tmp_path / 'benchmarks').mkdir()
    script = 'import sys\nprint(sys.argv[1:])\nsys.exit(5)\n'
    (tmp_path / 'benchmarks' / 'bench_bags.py').write_text(script)
    monkeypatch.setattr(bench, 'SOURCE_ROOT', tmp_path)
    assert cli.main(['bench', 'bags', '--json']) == 5
    assert capfd.readouterr().out == "['--json']\n"


@pytest.mark.parametrize('name', ['learner', 'sim', 'bags'])
def test_every_benchmark_is_there_and_explains_itself(name):
    script = SOURCE_ROOT / 'benchmarks' / f'bench_{name}.py'
    words = [sys.executable, str(script), '--help']
    assert '--json' in subprocess.run(words, capture_output=True, text=True, check=True).stdout
