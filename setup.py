import re
from pathlib import Path

from setuptools import find_packages, setup

# onnxruntime-gpu has wheels for these two only; it runs without a GPU too.
GPU_WHEELS = (
    "(sys_platform == 'linux' and platform_machine == 'x86_64')"
    " or (sys_platform == 'win32' and platform_machine == 'AMD64')"
)
NO_GPU_WHEELS = (
    "(sys_platform != 'linux' or platform_machine != 'x86_64')"
    " and (sys_platform != 'win32' or platform_machine != 'AMD64')"
)

# CPython on Linux, macOS and Windows; elsewhere it is built with a libheif that must be there.
HEIF_WHEELS = (
    "platform_python_implementation == 'CPython' and (sys_platform == 'darwin'"
    " or (sys_platform == 'linux' and platform_machine in 'x86_64 aarch64')"
    " or (sys_platform == 'win32' and platform_machine == 'AMD64'))"
)

# The package's only mention of its version. Importing it would need what it depends on.
PACKAGE = Path(__file__).parent / "datasette_revimg" / "__init__.py"
VERSION = re.findall(r'^__version__ = "(.+)"$', PACKAGE.read_text(encoding="utf-8"), re.M)[0]

setup(
    name="datasette-revimg",
    version=VERSION,
    description="Find similar pictures in a collection you own, in SQL and in Datasette",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "datasette_revimg/models/bundled/LICENSE"],
    classifiers=[
        "Framework :: Datasette",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Graphics",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["datasette_revimg", "datasette_revimg.*"]),
    package_data={
        "datasette_revimg": ["py.typed"],
        "datasette_revimg.models": ["bundled/*"],
        "datasette_revimg.web": ["static/*", "templates/revimg/*"],
    },
    python_requires=">=3.11",
    install_requires=[
        # The lowest versions are tested in CI. An upper bound where a major version has broken us
        # before, or changes what we build on: transactions, arrays, the parser of forms.
        # Versions before tell a private table from its name in capitals.
        "datasette>=0.65.5",
        "sqlite-utils>=4,<5",
        "click>=8.3.1",
        # Hierarchical clustering, for the order of the matrix. The first version for numpy 2.
        "fastcluster>=1.3",
        # Keras' files of weights. The first version for numpy 2.
        "h5py>=3.11",
        "markupsafe>=2.1",
        "numpy>=2,<3",
        # Makes the network's file of its weights.
        "onnx>=1.16",
        "pillow>=11.3",
        # Forms with a picture: 0.65 has no parser for them, 1.0's writes files. The module of this
        # name that python-multipart has too, which 0.65 brings, makes way for this one.
        "multipart>=2,<3",
        # Files of weights; the first version whose errors are sentences.
        "safetensors>=0.6.1",
        "tabulate>=0.9",
        # The photographs of iPhones.
        f"pillow-heif>=0.22; {HEIF_WHEELS}",
        f"onnxruntime-gpu>=1.21; {GPU_WHEELS}",
        f"onnxruntime>=1.21; {NO_GPU_WHEELS}",
    ],
    extras_require={
        # The map by t-SNE instead of principal components.
        "map": ["scikit-learn>=1.5"],
        # For classify.
        "teach": ["scikit-learn>=1.5"],
        # The previews in camera RAW files.
        "raw": ["rawpy>=0.27"],
        # For embed --watch.
        "watch": ["watchfiles>=1"],
        # The frameworks whose own vectors the tests compare ours with; torch in a CPU build.
        "frameworks": ["keras", "torch"],
        "test": [
            # Brings axe-core, so that no test fetches anything.
            "axe-playwright-python",
            "codespell",
            "cogapp",
            # Each version tries something else.
            "hypothesis==6.170.17",
            "import-linter",
            "mypy",
            "nox",
            "playwright",
            "pytest",
            "pytest-asyncio",
            "pytest-xdist",
            "rawpy",
            "ruff",
            "scikit-learn",
            # To build the package as pip does, without fetching anything.
            "setuptools>=77",
            "types-tabulate",
            "watchfiles>=1",
        ],
    },
    entry_points={
        "datasette": ["revimg = datasette_revimg.web"],
        "sqlite_utils": ["revimg = datasette_revimg.sqlite_utils_plugin"],
    },
)
