"""The same facts stand in pyproject.toml (pip), setup.py (colcon) and package.xml (ROS 2)."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib import metadata
from pathlib import Path

import pytest
import setuptools
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
PACKAGE_XML = ET.parse(ROOT / 'package.xml').getroot()
# What rosdep can provide, by the names that pip gives it.
WITH_ROSDEP_KEY = {
    'jinja2': 'python3-jinja2',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'opencv-python-headless': 'python3-opencv',
    'packaging': 'python3-packaging',
    'pyyaml': 'python3-yaml',
    'rich': 'python3-rich',
    'scipy': 'python3-scipy',
}
WORKSPACE = ROOT / 'ros2_ws' / 'src'
OWN = {
    'claifo': ROOT / 'claifo',
    'claifo_core': ROOT / 'claifo_core',
    'claifo_nodes': WORKSPACE / 'claifo_nodes' / 'claifo_nodes',
    'claifo_sim': ROOT / 'sim' / 'claifo_sim',
    'ros2_embedded': WORKSPACE / 'ros2_embedded' / 'ros2_embedded',
}
# Of ROS 2, or provided by ros2_embedded where ROS 2 is absent.
PROVIDED = {
    'builtin_interfaces', 'claifo_msgs', 'cv_bridge', 'diagnostic_msgs', 'geometry_msgs',
    'launch', 'launch_ros', 'lifecycle_msgs', 'rcl_interfaces', 'rclpy', 'rosgraph_msgs',
    'sensor_msgs', 'std_msgs', 'std_srvs', 'trajectory_msgs',
}  # fmt: skip
IMPORT_NAMES = {'backports': 'backports-zstd', 'cv2': 'opencv-python-headless', 'yaml': 'pyyaml'}


@pytest.fixture(scope='module')
def setup_arguments():
    """What setup.py hands to setuptools, read as colcon would: without pyproject.toml."""
    seen = {}
    original = setuptools.setup
    setuptools.setup = lambda **arguments: seen.update(arguments)
    try:
        runpy.run_path(str(ROOT / 'setup.py'))
    finally:
        setuptools.setup = original
    return seen


def test_setup_py_says_what_pyproject_says(setup_arguments):
    for key in ('name', 'version', 'description', 'keywords', 'classifiers'):
        assert setup_arguments[key] == PROJECT[key], key
    assert setup_arguments['license'] == PROJECT['license']['text']
    assert setup_arguments['author'] == PROJECT['authors'][0]['name']
    assert setup_arguments['author_email'] == PROJECT['authors'][0]['email']
    assert setup_arguments['python_requires'] == PROJECT['requires-python']
    assert setup_arguments['install_requires'] == PROJECT['dependencies']
    assert setup_arguments['extras_require'] == PROJECT['optional-dependencies']
    scripts = [f'{name} = {target}' for name, target in PROJECT['scripts'].items()]
    assert setup_arguments['entry_points'] == {'console_scripts': scripts}


def test_package_xml_says_what_pyproject_says():
    assert PACKAGE_XML.get('format') == '3'
    assert PACKAGE_XML.findtext('name') == PROJECT['name']
    assert PACKAGE_XML.findtext('version') == PROJECT['version']
    assert PACKAGE_XML.findtext('license') == PROJECT['license']['text']
    assert PACKAGE_XML.findtext('description').strip() == PROJECT['description']
    assert PACKAGE_XML.find('maintainer').get('email') == PROJECT['authors'][0]['email']
    assert PACKAGE_XML.findtext('export/build_type') == 'ament_python'


def test_maintainer_email_is_one_that_colcon_accepts():
    # With an invalid one the package is silently not found.
    email = PACKAGE_XML.find('maintainer').get('email')
    assert re.fullmatch(r'[\w.+%-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}', email)


def test_every_dependency_is_a_rosdep_key_or_named_as_a_pip_step():
    depends = {element.text for element in PACKAGE_XML.findall('exec_depend')}
    comment = (ROOT / 'package.xml').read_text().partition('<!--')[2].partition('-->')[0]
    for requirement in map(Requirement, PROJECT['dependencies']):
        key = WITH_ROSDEP_KEY.get(canonicalize_name(requirement.name))
        assert key in depends if key else requirement.name in comment, requirement.name


def test_changelog_has_the_version():
    assert re.search(
        rf'^(Forthcoming|{re.escape(PROJECT["version"])}.*)$',
        (ROOT / 'CHANGELOG.rst').read_text(),
        re.MULTILINE,
    )


def test_dependencies_are_exactly_what_is_imported():
    imported = set()
    for folder in OWN.values():
        for path in folder.rglob('*.py'):
            imported |= third_party_imports(path)
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT['dependencies']}
    # `torch.utils.tensorboard` imports the one, the scene that is asked for the other.
    assert imported | {'tensorboard', 'gymnasium-robotics'} == declared


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition('.')[0])
    return found


def third_party_imports(path: Path) -> set[str]:
    found = imports(path)
    outside = found - set(OWN) - PROVIDED - set(sys.stdlib_module_names)
    # They come with dm_control and mujoco, which need just these versions.
    outside -= {'dm_env', 'OpenGL'}
    # Optional: robosuite is not installed by its own list of dependencies, submitit is an extra.
    outside -= {'robosuite', 'submitit'}
    return {canonicalize_name(IMPORT_NAMES.get(name, name)) for name in outside}


def test_what_a_robot_needs_is_part_of_it_without_torch_and_simulators():
    lines = (ROOT / 'requirements-robot.txt').read_text().splitlines()
    needed = {line for line in lines if not line.startswith('#')}
    assert needed < set(PROJECT['dependencies'])
    names = {canonicalize_name(Requirement(line).name) for line in needed}
    assert names.isdisjoint({'torch', 'mujoco', 'dm-control', 'gymnasium', 'tensorboard'})


def test_every_dependency_is_pinned_and_its_pin_allowed():
    lines = (ROOT / 'constraints.txt').read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith('#')]
    extras = PROJECT['optional-dependencies']
    for requirement in map(Requirement, sum(extras.values(), PROJECT['dependencies'])):
        name = canonicalize_name(requirement.name)
        versions = [
            next(iter(pin.specifier)).version
            for pin in pins
            if canonicalize_name(pin.name) == name
        ]
        assert versions, f'{name} has no pin'
        for version in versions:
            assert requirement.specifier.contains(version), f'{name} {version}'


def test_robosuite_is_pinned_everywhere_alike_and_comes_without_its_dependencies():
    pin = f'robosuite=={robosuite_version()}'
    assert pin in (ROOT / 'constraints.txt').read_text().splitlines()
    assert f'pip install --no-deps {pin}' in (ROOT / 'docs' / 'install.md').read_text()
    assert '--no-deps robosuite' in (ROOT / 'scripts' / 'setup.sh').read_text()
    assert 'the optional robosuite' in (ROOT / 'package.xml').read_text()
    extra = PROJECT['optional-dependencies']['robosuite']
    names = {canonicalize_name(Requirement(line).name) for line in extra}
    # robosuite itself would bring the dependencies that are left out.
    assert names.isdisjoint({'robosuite', 'opencv-python', 'mink', 'pynput', 'pytest'})


def robosuite_version() -> str:
    text = (OWN['claifo_sim'] / 'robosuite.py').read_text()
    return re.search(r"^VERSION = '(.+)'$", text, re.MULTILINE)[1]


@pytest.mark.parametrize('python', ['3.10', '3.11', '3.12'])
def test_each_python_has_one_pin_of_each_package(python):
    lines = (ROOT / 'constraints.txt').read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith('#')]
    names = [
        canonicalize_name(pin.name)
        for pin in pins
        if pin.marker is None or pin.marker.evaluate({'python_version': python})
    ]
    assert len(names) == len(set(names))


def test_all_code_is_installed(setup_arguments):
    folders = {
        str(path.parent.relative_to(top.parent)).replace('/', '.')
        for top in OWN.values()
        for path in top.rglob('*.py')
        if 'provided' not in path.parts
    }
    assert folders == set(setup_arguments['packages'])


def test_what_is_provided_for_ros_is_installed_as_data(setup_arguments):
    top = OWN['ros2_embedded']
    patterns = setup_arguments['package_data']['ros2_embedded']
    found = {path for pattern in patterns for path in top.glob(pattern)}
    assert found == {*top.glob('provided/**/*.py'), *top.glob('interfaces/**/*.srv')}
    alone = tomllib.loads((top.parent / 'pyproject.toml').read_text())
    assert alone['tool']['setuptools']['package-data']['ros2_embedded'] == patterns


def test_templates_of_pages_are_installed_as_data(setup_arguments):
    top = OWN['claifo']
    patterns = setup_arguments['package_data']['claifo']
    found = {path for pattern in patterns for path in top.glob(pattern)}
    assert found == set(top.rglob('*.j2')) != set()


def test_nothing_installed_shadows_ros(setup_arguments):
    tops = {name.partition('.')[0] for name in setup_arguments['packages']}
    assert tops == set(OWN)


def test_every_ros_package_that_is_imported_is_a_dependency():
    depends = {element.text for element in PACKAGE_XML.findall('exec_depend')}
    used = {
        name
        for room in ('claifo', 'claifo_nodes')
        for path in OWN[room].rglob('*.py')
        for name in imports(path) & PROVIDED
    }
    assert used <= depends


def test_interfaces_are_built_from_all_definitions():
    package = WORKSPACE / 'claifo_msgs'
    text = (package / 'CMakeLists.txt').read_text()
    files = {str(p.relative_to(package)) for p in (*package.glob('msg/*'), *package.glob('srv/*'))}
    assert files == set(re.findall(r'(?:msg|srv)/\w+\.(?:msg|srv)', text))
    assert ET.parse(package / 'package.xml').findtext('version') == PROJECT['version']


def test_colcon_leaves_the_embedded_provider_alone():
    assert (WORKSPACE / 'ros2_embedded' / 'COLCON_IGNORE').exists()


def test_presets_and_experts_are_installed(setup_arguments):
    installed = {file for _, files in setup_arguments['data_files'] for file in files}
    assert {'package.xml', 'constraints.txt', 'resource/claifo'} <= installed
    for folder in ('config', 'experts', 'launch'):
        on_disk = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob('*.*')}
        assert on_disk, f'{folder} is empty'
        assert on_disk <= installed
    assert all((ROOT / file).is_file() for file in installed)


def test_colcon_finds_the_root_package_from_ros2_ws():
    defaults = yaml.safe_load((ROOT / 'ros2_ws' / 'colcon_defaults.yaml').read_text())
    for verb in ('build', 'test', 'list'):
        assert defaults[verb]['base-paths'] == ['..', 'src']


@pytest.mark.skipif(not (ROOT / '.git').exists() or not shutil.which('git'), reason='no checkout')
def test_git_ignores_no_source_file():
    files = [
        str(path.relative_to(ROOT))
        for folder in ('claifo', 'claifo_core', 'sim', 'ros2_ws', 'launch', 'tests', 'config',
                       'experts', 'benchmarks')
        for path in (ROOT / folder).rglob('*.*')
        if path.suffix in ('.py', '.yaml', '.safetensors', '.csv', '.json', '.md', '.msg', '.srv',
                           '.j2')
        and '.hypothesis' not in path.parts
    ]
    result = subprocess.run(
        ['git', 'check-ignore', '--stdin'],
        cwd=ROOT, input='\n'.join(files), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not result.stdout, f'.gitignore hides {result.stdout}'


def test_the_installed_package_is_this_one():
    assert metadata.version('claifo') == PROJECT['version']


def test_the_tests_run_where_ros_2_is_sourced(tmp_path):
    """Its plugins for pytest take every test file for a launch file; they are left out."""
    for name in ('launch_testing', 'launch_ros'):
        (tmp_path / f'{name}.py').write_text(f'raise RuntimeError("{name} is loaded")')
        about = tmp_path / f'{name}-1.0.dist-info'
        about.mkdir()
        (about / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n')
        (about / 'entry_points.txt').write_text(f'[pytest11]\n{name} = {name}\n')
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '--collect-only', 'tests/test_imports.py'],
        cwd=ROOT, env=os.environ | {'PYTHONPATH': str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_colcon_test_runs_the_fast_tests(setup_arguments):
    """colcon runs pytest for a package whose extra `test` names it."""
    assert any(line.startswith('pytest') for line in setup_arguments['extras_require']['test'])
