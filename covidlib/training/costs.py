"""Estimate what training costs: operations, share of a GPU's peak speed, hours on other GPUs, disk space.

Peak speeds are the makers' numbers, which no program reaches. Estimates assume the share of the peak that the paper
reached on its GPU, and are labelled as estimates. Taught in chapter 04.
"""

from __future__ import annotations

import pandas as pd

from covidlib.names import SLICE_SIDE
from covidlib.paper.tables import network_name, table, table_numbers
from covidlib.protocols import Protocol

FORWARD_AND_BACKWARD = 3
"""A training step costs about three forward passes: one forward, two backward (for the maps and for the kernels)."""
PEAKS = {"P100, 32-bit": 9.3e12, "T4, 32-bit": 8.1e12, "T4, 16-bit": 65e12}
"""FLOP per second of the Tesla P100 (PCIe) and the Tesla T4, from NVIDIA's data sheets; a multiply-add is two FLOP."""


def training_flops(gflops: float, slices: int) -> float:
    """Operations of one training epoch, from those of one forward pass (`describe.network_summary`)."""
    return FORWARD_AND_BACKWARD * gflops * 1e9 * slices


def share_of_peak(gflops: float, slices: int, seconds: float, peak: float) -> float:
    """The share of a device's peak speed that an epoch with this duration used."""
    return training_flops(gflops, slices) / seconds / peak


def printed_epochs() -> pd.Series:
    """Seconds of one epoch by network, as the paper prints them (Table 8, on a P100)."""
    printed = table(8).set_index("Model name")["Training time per epoch"].rename(index=network_name)
    return printed.str.extract(r"(\d+)", expand=False).astype(int)


def printed_slices() -> int:
    """Training images per epoch in the paper: the mean over the five folds of Table 2."""
    columns = ["train COVID-19 images", "train Normal images"]
    return round(table_numbers(2)[columns].sum(axis=1).mean())


def printed_testing_hours() -> pd.Series:
    """Hours for the test images of all folds, from the paper's time per image (Table 8) and its counts (Table 2)."""
    printed = table(8).set_index("Model name")["Inference time per image"].rename(index=network_name)
    seconds = printed.str.extract(r"([\d.]+)", expand=False).astype(float) / 1000
    images = table_numbers(2)[["test COVID-19 images", "test Normal images"]].to_numpy().sum()
    return seconds * images / 3600


def paper_shares(gflops: pd.Series) -> pd.DataFrame:
    """The share of the P100's peak that each network used, from the printed seconds per epoch (paper, Table 8).

    Parameters
    ----------
    gflops : Series
        Network → 10⁹ FLOP of one forward pass at 512×512.
    """
    seconds, slices = printed_epochs(), printed_slices()
    share = {name: share_of_peak(gflops[name], slices, seconds[name], PEAKS["P100, 32-bit"]) for name in gflops.index}
    return pd.DataFrame({"gflops": gflops, "printed_seconds": seconds[gflops.index], "share_of_peak": pd.Series(share)})


def estimate_hours(gflops: pd.Series, protocol: Protocol, slices: int, shares: pd.Series) -> pd.DataFrame:
    """ESTIMATED hours for all folds on other devices, if they reach the same share of their peak as the P100.

    With 16 bits a device rarely reaches the share that it reaches with 32 bits: read that column as a lower bound.

    Parameters
    ----------
    gflops : Series
        Network → 10⁹ FLOP of one forward pass of one slice.
    slices : int
        Training slices per epoch.
    shares : Series
        Network → share of the peak that it reaches (`paper_shares`).

    Returns
    -------
    DataFrame
        One row per network and one for all of them, one column per device; hours.
    """
    hours = {
        device: training_flops(1.0, slices) * gflops * protocol.epochs * protocol.folds / (shares * peak) / 3600
        for device, peak in PEAKS.items()
    }
    by_network = pd.DataFrame(hours)
    return pd.concat([by_network, by_network.sum().rename("all").to_frame().T])


def slices_gigabytes(slices: int, bits: int) -> float:
    """Disk space for uncompressed slices in GB (10⁹ bytes), without file headers."""
    return slices * SLICE_SIDE**2 * bits / 8 / 1e9


def runs_gigabytes(parameters: pd.Series, protocol: Protocol) -> pd.Series:
    """Disk space for the runs of a protocol in GB (10⁹ bytes), without their tables, which are small.

    Parameters
    ----------
    parameters : Series
        Network → number of its parameters, 32 bits each.

    Returns
    -------
    Series
        "weights of all runs", which are kept; "checkpoints of a run", two of the largest network while one replaces
        the other, each with Nadam's two moments of every parameter.
    """
    weights = parameters * 4 / 1e9
    return pd.Series(
        {"weights of all runs": weights.sum() * protocol.folds, "checkpoints of a run": 2 * 3 * weights.max()}
    )
