"""DICOM files, small and made up."""

import io

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage


def film(values, patient="", kind="MONOCHROME2", bits=12, slope=1, intercept=0, of_several=False, **changed):
    """Bytes of a DICOM file; `of_several` frames, the first axis counts them."""
    shape = values.shape[1:] if of_several else values.shape
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    data.Rows, data.Columns = shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = (3, "RGB") if len(shape) == 3 else (1, kind)
    if len(shape) == 3:
        data.PlanarConfiguration = 0
    if of_several:
        data.NumberOfFrames = len(values)
    data.BitsAllocated = 8 * values.dtype.itemsize
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, int(values.dtype.kind == "i")
    data.RescaleSlope, data.RescaleIntercept, data.PatientID = slope, intercept, patient
    for name, value in changed.items():
        setattr(data, name, value)
    data.PixelData = values.tobytes()
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
