"""Reading of measurements: the format by content, then one reader's rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aethermodel.inputs.input_files import read_bytes
from aethermodel.inputs.refusals import one_line, quoted
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.column_choice import names as tuple_of
from aethermodel.readers.file_content import Document
from aethermodel.readers.measurements import Measurements, UnreadableMeasurements
from aethermodel.readers.registry import Reader, names, reader_named, readers


def read(
    path: Path | str,
    *,
    size: str | None = None,
    time: str | None = None,
    unit: str | None = None,
    group: Sequence[str] | str = (),
    second: Sequence[str] | str = (),
    format: str | None = None,
) -> Measurements:
    """Read times over sizes from a file of any format that has a reader.

    Parameters
    ----------
    path : path
        A file, recognised by its content; or a folder that criterion left (target/criterion).
    size, time : str, optional
        Columns or parameters, where the format does not say which are meant, or others are.
    unit : str, optional
        Of the times, where the file does not say it: ``s``, ``ms``, ``us`` or ``ns``.
    group : sequence of str, or str
        Columns or parameters whose values tell curves apart.
    second : sequence of str, or str
        Columns or parameters that are further variables of the law; a law takes the first that
        moves.
    format : str, optional
        Name of a reader, where the content does not tell.

    Returns
    -------
    Measurements

    Raises
    ------
    UnreadableMeasurements
        If it is of no format, or holds no times over sizes: one line with file, line and remedy.
    InputError
        If it is no regular file, or too large.
    OSError
        If it cannot be opened.
    """
    asked = Asked(size or "", time or "", unit or "", tuple_of(group), tuple_of(second))
    if Path(path).is_dir():
        from aethermodel.readers.benchmarks.criterion_folder import folder_document

        return measurements_of(folder_document(Path(path)), asked, format)
    return measurements_of(Document(str(path), read_bytes(path)), asked, format)


def measurements_of(
    document: Document, asked: Asked | None = None, format: str | None = None
) -> Measurements:
    """Return the measurements of a file's content.

    Raises
    ------
    UnreadableMeasurements
    """
    asked = asked or Asked()
    try:
        reader = reader_named(format) if format else _recognising(document)
        table = reader.parse(document, asked)
        return Measurements.of_table(table, document.name, reader.NAME, asked)
    except (ValueError, RecursionError, OverflowError) as error:
        if isinstance(error, UnreadableMeasurements) and str(error).startswith(document.name):
            raise
        why = "nested too deeply" if isinstance(error, RecursionError) else one_line(error)
        raise UnreadableMeasurements(f"{document.name}: {why}") from None


# What people have instead of text, by its first bytes.
_REMEDIES = {
    b"\x1f\x8b": "compressed: unpack it first (gunzip)",
    b"BZh": "compressed: unpack it first (bunzip2)",
    b"\xfd7zXZ": "compressed: unpack it first (unxz)",
    b"\x28\xb5\x2f\xfd": "compressed: unpack it first (unzstd)",
    b"PK": "a spreadsheet or an archive: save it as CSV, or unpack it first",
}


def _recognising(document: Document) -> Reader:
    for reader in readers():
        if reader.recognises(document):
            return reader
    raise UnreadableMeasurements(f"{document.name}: {_unknown(document)}")


def _unknown(document: Document) -> str:
    known = f"formats: {', '.join(names())}"
    if not document.encoding:
        for begins, remedy in _REMEDIES.items():
            if document.content.startswith(begins):
                return remedy
        return f"neither text nor Parquet: give what was measured as text; {known}"
    if not document.text.strip():
        return "line 1: an empty file: run the measurement again"
    if document.is_json:
        fault = document.json_fault
        return f"{fault}: write it again" if fault else f"JSON that no reader knows; {known}"
    number, first = next((n, line) for n, line in enumerate(document.lines, 1) if line.strip())
    said = quoted(first.strip())
    return f"line {number}: no sizes and times, but {said}: run it again if it failed; {known}"
