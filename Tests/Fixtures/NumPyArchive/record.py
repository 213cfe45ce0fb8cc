#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the .npz files of NumPyArchiveTests: pip install numpy && python3 record.py"""
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format

HERE = Path(__file__).parent


def main() -> None:
    arrays = {
        "half": np.array([0.5, -2, 65504], "<f2"),
        "single": np.arange(6, dtype="<f4").reshape(2, 3) / 4,
        "double": np.array([[1e300, -0.1]], "<f8"),
        "int": np.array([-2**31, 2**31 - 1], "<i4"),
        "long": np.array([[[-2**63], [2**63 - 1]]], "<i8"),
        "ushort": np.array([0, 65535], "<u2"),
        "uint": np.array([0, 2**32 - 1], "<u4"),
        "scalar": np.float32(7),
        "empty": np.zeros((0, 4), "<f4"),
        "zeros": np.zeros((10, 10), "<f4"),
    }
    np.savez(HERE / "stored.npz", **arrays)
    np.savez_compressed(HERE / "deflated.npz", **arrays)
    refused = {
        "fortran": np.asfortranarray(np.ones((2, 3), "<f4")),
        "bigendian": np.ones(2, ">f4"),
        "complex": np.ones(2, "<c8"),
        "text": np.array(["a", "bc"]),
        "record": np.zeros(1, [("x", "<f4")]),
    }
    np.savez(HERE / "refused.npz", **refused)
    with zipfile.ZipFile(HERE / "versions.npz", "w") as archive:
        for major in (1, 2, 3):
            file = io.BytesIO()
            format.write_array(file, arrays["single"], version=(major, 0))
            archive.writestr(f"version{major}.npy", file.getvalue())


main()
