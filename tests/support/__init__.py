"""What several tests share: made slices, DICOM files, predictions, a web server, a browser."""
