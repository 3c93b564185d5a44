"""The metadata once more for colcon, which runs this file and does not read pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
SHARE = 'share/claifo'
WORKSPACE = 'ros2_ws/src'


def data_files() -> list[tuple[str, list[str]]]:
    """List what is installed beside the code: the ament marker, presets, experts, launch files."""
    files = [
        ('share/ament_index/resource_index/packages', ['resource/claifo']),
        (SHARE, ['package.xml', 'constraints.txt']),
    ]
    messages = ROOT / 'ros2_ws' / 'src' / 'claifo_msgs'
    for folder, target in (
        (ROOT / 'config', 'config'),
        (ROOT / 'experts', 'experts'),
        (ROOT / 'launch', 'launch'),
        (messages / 'msg', 'interfaces/claifo_msgs/msg'),
        (messages / 'srv', 'interfaces/claifo_msgs/srv'),
    ):
        found = sorted(path for path in folder.iterdir() if path.is_file())
        files.append((f'{SHARE}/{target}', [str(path.relative_to(ROOT)) for path in found]))
    return files


setup(
    name='claifo',
    version='0.1.0',
    description=(
        'Visual imitation across domains: learn a robot policy from videos of an expert '
        'whose world looks different'
    ),
    license='Apache-2.0',
    author='claifo maintainers',
    author_email='maintainers@claifo.example.org',
    maintainer='claifo maintainers',
    maintainer_email='maintainers@claifo.example.org',
    keywords=['imitation learning', 'robotics', 'ROS 2', 'MuJoCo', 'rosbag2'],
    classifiers=[
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    python_requires='>=3.10,<3.13',
    packages=[
        *find_packages(include=['claifo', 'claifo.*', 'claifo_core', 'claifo_core.*']),
        *find_packages('sim'),
        *find_packages(f'{WORKSPACE}/claifo_nodes'),
        *find_packages(f'{WORKSPACE}/ros2_embedded', include=['ros2_embedded']),
    ],
    package_dir={
        'claifo_sim': 'sim/claifo_sim',
        'claifo_nodes': f'{WORKSPACE}/claifo_nodes/claifo_nodes',
        'ros2_embedded': f'{WORKSPACE}/ros2_embedded/ros2_embedded',
    },
    package_data={
        'claifo': ['report/templates/*.j2'],
        'ros2_embedded': ['interfaces/*/srv/*.srv', 'provided/*/*.py', 'provided/*/*/*.py'],
    },
    data_files=data_files(),
    zip_safe=False,
    install_requires=[
        'backports.zstd>=1',
        'cyclonedds>=11.0,<11.1',
        'dm_control==1.0.34',
        'gymnasium>=1.4,<2',
        'gymnasium-robotics==1.4.2',
        'Jinja2>=3.1',
        'lz4>=4',
        'matplotlib>=3.10',
        'mujoco==3.3.7',
        'numba>=0.60',
        'numpy>=1.26,<3',
        'onnx>=1.17,<2',
        'onnxruntime>=1.20,<2',
        'opencv-python-headless>=4.11',
        'packaging>=23',
        'PyYAML>=6',
        'rich>=13',
        'rosbags>=0.11.9,<0.12',
        'safetensors>=0.5',
        'scipy>=1.11',
        'tensorboard>=2.16',
        'torch>=2.11,<2.14',
    ],
    extras_require={
        'cluster': ['submitit>=1.5,<2'],
        'dev': [
            'hypothesis>=6.100',
            'mypy>=1.11',
            'pytest>=8',
            'pytest-xdist>=3.6',
            'ruff>=0.6',
            "tomli>=2; python_version < '3.11'",
            'types-PyYAML>=6',
        ],
        'test': ['pytest>=8'],
        'robosuite': [
            'Pillow>=10',
            'qpsolvers[quadprog]>=4.3.1',
            'termcolor>=2',
            'tqdm>=4.60',
        ],
    },
    entry_points={
        'console_scripts': [
            'claifo = claifo.cli:main',
            'camera_node = claifo_nodes.camera_node:main',
            'expert_player_node = claifo_nodes.expert_player_node:main',
            'learner_node = claifo_nodes.learner_node:main',
            'policy_node = claifo_nodes.policy_node:main',
            'recorder_node = claifo_nodes.recorder_node:main',
            'safety_node = claifo_nodes.safety_node:main',
            'sim_node = claifo_nodes.sim_node:main',
        ],
    },
)
