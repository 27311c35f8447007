"""DICOM files made for tests: a slice with the header fields that matter, everything else left out."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian


def write_dicom(
    path: Path,
    stored: np.ndarray,
    number: int | None = 1,
    z: float | None = 0.0,
    slope: float = 1.0,
    intercept: float | None = -1024.0,
    uid: str = "1.2.3",
    **fields: object,
) -> Path:
    """One CT slice; `stored` is uint16 or int16."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    # Not `hash`, which is another one in each process: made files are to be the same bytes each time.
    meta.MediaStorageSOPInstanceUID = f"{uid}.{zlib.crc32(path.name.encode())}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_ = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    slice_.SOPClassUID, slice_.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    slice_.SeriesInstanceUID, slice_.Modality = uid, "CT"
    slice_.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    if number is not None:
        slice_.InstanceNumber = number
    if z is not None:
        slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [-200.0, -200.0, z], [1, 0, 0, 0, 1, 0]
    slice_.Rows, slice_.Columns = stored.shape
    slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
    slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 16, 16, 15
    slice_.PixelRepresentation = int(stored.dtype == np.int16)
    if intercept is not None:
        slice_.RescaleSlope, slice_.RescaleIntercept = slope, intercept
    for name, value in fields.items():
        setattr(slice_, name, value)
    slice_.PixelData = stored.tobytes()
    slice_.save_as(path, enforce_file_format=True)
    return path
