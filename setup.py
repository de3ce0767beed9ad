"""The one step of the build that `pyproject.toml` cannot state: a wheel holds a single package, `graftlab`."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).resolve().parent))  # a build runs in an environment of its own

from packager.command import BuildOnePackage

setup(cmdclass={"build_py": BuildOnePackage})
