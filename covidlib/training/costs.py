"""What training costs: operations, the share of a device's peak, estimates for other devices, room on the disk.

Peaks are the makers' numbers, which no program reaches. An estimate takes the share that the paper reached on its
device and is labelled as one. Taught in chapter 04.
"""

from __future__ import annotations

import pandas as pd

from covidlib.names import SLICE_SIDE
from covidlib.paper.tables import network_name, table, table_numbers
from covidlib.protocols import Protocol

FORWARD_AND_BACKWARD = 3
"""A step of training costs about three forward passes: one forward, two backward (for the maps, for the kernels)."""
PEAKS = {"P100, 32-bit": 9.3e12, "T4, 32-bit": 8.1e12, "T4, 16-bit": 65e12}
"""FLOP a second of the Tesla P100 (PCIe) and the Tesla T4, from NVIDIA's data sheets; a multiply-add is two FLOP."""


def training_flops(gflops: float, slices: int) -> float:
    """Operations of one epoch, from those of one forward pass (`describe.network_summary`)."""
    return FORWARD_AND_BACKWARD * gflops * 1e9 * slices


def share_of_peak(gflops: float, slices: int, seconds: float, peak: float) -> float:
    """Which part of a device's peak an epoch of so many seconds used."""
    return training_flops(gflops, slices) / seconds / peak


def printed_epochs() -> pd.Series:
    """Seconds of one epoch by network, as the paper prints them (Table 8, on a P100)."""
    printed = table(8).set_index("Model name")["Training time per epoch"].rename(index=network_name)
    return printed.str.extract(r"(\d+)", expand=False).astype(int)


def printed_slices() -> int:
    """Training images of one epoch: the mean over the five folds of Table 2."""
    columns = ["train COVID-19 images", "train Normal images"]
    return round(table_numbers(2)[columns].sum(axis=1).mean())


def printed_testing_hours() -> pd.Series:
    """Hours that the test images of all folds take, by the paper's time an image (Table 8) and its counts (Table 2)."""
    printed = table(8).set_index("Model name")["Inference time per image"].rename(index=network_name)
    seconds = printed.str.extract(r"([\d.]+)", expand=False).astype(float) / 1000
    images = table_numbers(2)[["test COVID-19 images", "test Normal images"]].to_numpy().sum()
    return seconds * images / 3600


def paper_shares(gflops: pd.Series) -> pd.DataFrame:
    """The part of the P100's peak that each network's printed epoch used (paper, Table 8).

    Parameters
    ----------
    gflops : Series
        Network → 10⁹ FLOP of one forward pass at 512×512.
    """
    seconds, slices = printed_epochs(), printed_slices()
    share = {name: share_of_peak(gflops[name], slices, seconds[name], PEAKS["P100, 32-bit"]) for name in gflops.index}
    return pd.DataFrame({"gflops": gflops, "printed_seconds": seconds[gflops.index], "share_of_peak": pd.Series(share)})


def estimate_hours(gflops: pd.Series, protocol: Protocol, slices: int, shares: pd.Series) -> pd.DataFrame:
    """ESTIMATED hours of all folds of a protocol on other devices, were their share of the peak the P100's.

    With 16 bits a device rarely reaches the share that it reaches with 32: take that column as a lower bound.

    Parameters
    ----------
    gflops : Series
        Network → 10⁹ FLOP of one forward pass of one slice.
    slices : int
        Training slices of one epoch.
    shares : Series
        Network → share of the peak that it reaches (`paper_shares`).

    Returns
    -------
    DataFrame
        One row a network and one for all of them, one column a device; hours.
    """
    hours = {
        device: training_flops(1.0, slices) * gflops * protocol.epochs * protocol.folds / (shares * peak) / 3600
        for device, peak in PEAKS.items()
    }
    found = pd.DataFrame(hours)
    return pd.concat([found, found.sum().rename("all").to_frame().T])


def slices_gigabytes(slices: int, bits: int) -> float:
    """Room that uncompressed slices take, in GB (10⁹ bytes), without file headers."""
    return slices * SLICE_SIDE**2 * bits / 8 / 1e9


def runs_gigabytes(parameters: pd.Series, protocol: Protocol) -> pd.Series:
    """Room that the runs of a protocol take, in GB (10⁹ bytes), but for their tables, which are small.

    Parameters
    ----------
    parameters : Series
        Network → number of its parameters, 32 bits each.

    Returns
    -------
    Series
        "weights of all runs", which stay; "checkpoints of a run", two of the largest network while one takes the
        other's place, each with Nadam's two moments of every parameter.
    """
    weights = parameters * 4 / 1e9
    return pd.Series(
        {"weights of all runs": weights.sum() * protocol.folds, "checkpoints of a run": 2 * 3 * weights.max()}
    )
