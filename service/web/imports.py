"""Import through the browser: look at a file, try it, take it in, follow it, undo it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, cast

from flask import Blueprint, Response, abort, current_app, jsonify, request, send_file, url_for
from werkzeug.datastructures import FileStorage

from geo.errors import ZhoubianError
from layers.columns import PLACE
from layers.intake import PASSED_OVER
from layers.reading import MAX_BYTES
from layers.schema import CLASS_COLUMN, LAYERS
from layers.store import Store

from .. import clock
from ..background import Job, Jobs, Report
from ..errors import outcome
from ..i18n import LANGS, Lang, text, texts
from ..maps import IMPORT_SCRIPTS, IMPORT_STYLES
from ..uploads import Upload, Uploads
from ..usecases import datum_check, import_look, imports
from .import_options import json_of, options_of
from .pages import fresh, kept, opened, page_lang, render
from .safety import require_imports_open, require_same_origin
from .words import of_error, of_fault, of_note

bp = Blueprint("imports", __name__)

MAX_REQUEST = MAX_BYTES + 1_000_000
"""A file of the size that can be read, and what a form puts around it."""
ENCODINGS = ("utf-8", "gb18030", "utf-16", "big5")
SHOWN = 200
"""Refused rows that the page shows; all of them are in the workbook."""
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass
class Import:
    """An import in the background.

    Parameters
    ----------
    upload : Upload
    lang : str
        Of the reader.
    workbook : Path
        Where its refused rows are written, if there are any to correct.
    """

    upload: Upload
    lang: Lang
    workbook: Path


# -- pages -----------------------------------------------------------------------------------------


@bp.get("/import")
def page() -> str:
    """The page; whatever it shows of a file comes later."""
    lang = page_lang()
    kinds = [(kind, text(f"layer.{kind}", lang)) for kind in LAYERS]
    return render(
        "import.html",
        open=current_app.config["IMPORTS"],
        everybody=current_app.config["IMPORTS"] and current_app.config["HOSTS"] is None,
        kinds=[*kinds, ("osm", text("page.kind_osm", lang))],
        encodings=ENCODINGS,
        classes=[
            (kind, name, text(f"map.class.{name}" if kind == "anchors" else f"page.class.{name}", lang))
            for kind in CLASS_COLUMN
            for name in imports.classes_of(kind)
        ],
        styles=IMPORT_STYLES,
        scripts=IMPORT_SCRIPTS,
        texts=url_for("imports.texts_", lang=lang),
        look=url_for("imports.look"),
        jobs=url_for("imports.start"),
        imports=url_for("imports.history"),
    )


@bp.get("/imports")
def history() -> str:
    """All imports, the newest first."""
    lang = page_lang()
    return render(
        "imports.html",
        open=current_app.config["IMPORTS"],
        texts=url_for("imports.texts_", lang=lang),
        imports=[
            {
                "id": batch.id,
                "source": batch.source,
                "kind": text("page.kind_osm" if batch.kind == "osm" else f"layer.{batch.kind}", lang)
                if batch.kind in imports.KINDS
                else batch.kind,
                "at": batch.imported_at.replace("T", " ")[:16],
                "datum": datum_check.label((batch.datum or "")[:40]),
                "undone": (batch.undone_at or "").replace("T", " ")[:16],
                **{
                    what: sum(counts.get(what, 0) for counts in batch.counts.values())
                    for what in ("accepted", "fixed", "refused")
                },
                "workbook": url_for("imports.refused_again", batch=batch.id),
                "undo": url_for("imports.undo", batch=batch.id),
            }
            for batch in reversed(imports.history(current_app.config["STORE"]))
        ],
    )


@bp.get("/import/texts/<lang>.json")
def texts_(lang: str) -> Response:
    """The texts that the scripts of these pages show."""
    if lang not in LANGS:
        abort(404)
    told = {
        code.removeprefix("page."): pair[lang] for code, pair in texts().items() if code.startswith("page.")
    }
    return kept(json.dumps(told, ensure_ascii=False).encode(), "application/json")


# -- one file --------------------------------------------------------------------------------------


@bp.post("/api/import/look")
def look() -> tuple[Response, int]:
    """A new file (`files`), or one that came before (`token`), with `options` as JSON."""
    _require_welcome()
    request.max_content_length = MAX_REQUEST
    lang = page_lang()
    files = [file for file in request.files.getlist("files") if file.filename]
    uploads = _uploads()
    if files or "token" not in request.form:
        upload = uploads.take_in([(cast(str, file.filename), _writer(file)) for file in files])
    else:
        upload = uploads.get(request.form["token"])
    known: dict[str, Any] = {"token": upload.token, "file": upload.shown, "size": upload.size}
    try:
        options = options_of(json_of(request.form.get("options", "{}")), upload.shown)
        known["kind"] = options.kind
        with uploads.using(upload):
            found = import_look.look(current_app.config["STORE"], upload.file, options, shown=upload.shown)
    except ZhoubianError as error:  # told with the token, so that nobody has to send the file again
        if error.code == "headings_unknown":  # the reader may say which is which
            known |= {
                "headings": error.facts["headings"],
                "fields": _labelled(known["kind"], import_look.fields_of(known["kind"], spatial=False), lang),
            }
        return jsonify({**known, "error": _error(error, lang)}), outcome(error).status
    return jsonify({**known, **_look(found, lang)}), 200


def _look(found: import_look.LookReport, lang: Lang) -> dict[str, Any]:
    """The report in the reader's language."""
    told = found.as_json()
    guess = found.guess
    winner = guess.verdict.winner if guess and guess.verdict else None
    return {
        **told,
        "fields": _labelled(found.kind, found.fields, lang),
        "notes": [of_note(note, lang) for note in found.notes if note.code != "encoding"],
        "guess": None if guess is None else of_note(guess.note, lang),
        "winner": winner,
        "class_field": CLASS_COLUMN.get(found.kind),
        "datum_label": datum_check.label(found.datum or ""),
        "places": [{**place, "label": datum_check.label(place["datum"])} for place in told["places"]],
    }


def _labelled(kind: str, fields: Sequence[str], lang: Lang) -> list[dict[str, Any]]:
    """Fields with their names for the reader."""
    told = []
    for name in fields:
        column = None if name in PLACE else LAYERS[kind].by_name[name]
        if column is None:
            told.append({"name": name, "label": text(f"page.field.{name}", lang), "required": False})
        else:
            required = column.required and name != "id"  # an id is made where there is none
            told.append(
                {"name": name, "label": column.zh if lang == "zh" else column.en, "required": required}
            )
    return told


def _writer(file: FileStorage) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        file.save(path)

    return write


# -- imports under way -----------------------------------------------------------------------------


@bp.post("/api/import/jobs")
def start() -> tuple[Response, int]:
    """Begin an import or a dry run: ``{token, options, dry_run}``."""
    _require_welcome()
    told = json_of(request.get_data(as_text=True))
    uploads, lang, store = _uploads(), page_lang(), current_app.config["STORE"]
    upload = uploads.get(str(told.get("token", "")))
    options = options_of(told.get("options"), upload.shown)
    options = replace(options, dry_run=told.get("dry_run") is not False)
    about = Import(upload, lang, upload.folder / f"refused-{secrets.token_hex(8)}.xlsx")

    def work(report: Report) -> dict[str, Any]:
        done = imports.run(
            store, upload.file, options, now=clock.now(), progress=report, shown=upload.shown,
            refused=lambda found, rows: _write(about, found, rows),
        )  # fmt: skip
        if not options.dry_run:
            uploads.drop(upload)
        return _report(done, lang)

    uploads.use(upload, +1)
    try:
        job = _jobs().start(work, about, then=lambda: uploads.use(upload, -1))
    except ZhoubianError:
        uploads.use(upload, -1)
        raise
    return jsonify(job.as_json()), 202


def _write(about: Import, found: imports.ImportReport, rows: imports.RefusedRows) -> None:
    if imports.refused_workbook(about.workbook, found.batch, rows, about.lang) == 0:
        about.workbook.unlink()  # nothing to correct: empty rows and totals only


@bp.get("/api/import/jobs/<id_>")
def job(id_: str) -> Response:
    """How far an import is, and what became of it."""
    found = _jobs().get(id_)
    return fresh(jsonify({**found.as_json(), **_outcome(found)}))


@bp.post("/api/import/jobs/<id_>/cancel")
def cancel(id_: str) -> Response:
    """Stop an import; the store stays as it was."""
    _require_welcome()
    return jsonify(_jobs().cancel(id_).as_json())


@bp.get("/api/import/jobs/<id_>/refused.xlsx")
def refused(id_: str) -> Response:
    """The refused rows of an import or a dry run, to be corrected and imported again."""
    about = cast(Import, _jobs().get(id_).about)
    if not about.workbook.is_file():
        abort(404)
    return _workbook(about.workbook, about.upload.shown)


def _outcome(found: Job) -> dict[str, Any]:
    about, error = cast(Import, found.about), found.error
    told: dict[str, Any] = {"report": found.result, "error": None, "workbook": None}
    if isinstance(error, imports.NothingAcceptedError):
        told["report"] = _report(error.report, about.lang)
    if isinstance(error, ZhoubianError):
        told["error"] = _error(error, about.lang)
    elif error is not None:
        told["error"] = machine("broken", text("web.broken", about.lang))
    if found.ended_s is not None and about.workbook.is_file():
        told["workbook"] = url_for("imports.refused", id_=found.id)
    return told


def _report(done: imports.ImportReport, lang: Lang) -> dict[str, Any]:
    """What became of the rows, in the reader's language."""
    batch = done.batch
    refused_rows = [
        {**imports.fault_json(batch.source, fault, of_fault(fault, lang)), "reason": of_fault(fault, lang)}
        for faults in done.faults.values()
        for fault in faults
        if fault.code not in PASSED_OVER
    ]
    passed = {code: sum(reasons.get(code, 0) for reasons in done.reasons.values()) for code in PASSED_OVER}
    to_mend = sum(sum(reasons.values()) for reasons in done.reasons.values()) - sum(passed.values())
    return {
        **{name: value for name, value in imports.as_json(done).items() if name != "refused"},
        "stored": done.stored,
        "datum_label": datum_check.label((batch.datum or "")[:60]),
        "layers": [
            {"label": text(f"layer.{layer}", lang), **counts} for layer, counts in batch.counts.items()
        ],
        "notes": [of_note(note, lang) for note in done.notes],
        "refused": refused_rows[:SHOWN],
        "to_mend": to_mend,
        "passed": passed,
    }


# -- history ---------------------------------------------------------------------------------------


@bp.post("/api/imports/<int:batch>/undo")
def undo(batch: int) -> Response:
    """Take an import back: ``{anyway}``; `batch_needed` while draws depend on it."""
    _require_welcome()
    told = json_of(request.get_data(as_text=True) or "{}")
    undone = imports.undo(
        current_app.config["STORE"], batch, now=clock.now(), anyway=told.get("anyway") is True
    )
    return jsonify({"batch": undone.id, "source": undone.source, "undone_at": undone.undone_at})


@bp.get("/api/imports/<int:batch>/refused.xlsx")
def refused_again(batch: int) -> Response:
    """The refused rows of a stored import, to be corrected and imported again."""
    require_imports_open()
    store: Path = current_app.config["STORE"]
    with Store.open(store, create=False) as held:
        source = held.batch(batch).source
    with _uploads().scratch() as folder:
        path = folder / "refused.xlsx"
        imports.refused_again(store, batch, path, page_lang())
        content = path.read_bytes()
    return _attached(Response(content, mimetype=_XLSX), source)


def _workbook(path: Path, source: str) -> Response:
    return _attached(send_file(path, mimetype=_XLSX), source)


def _attached(answer: Response, source: str) -> Response:
    name = text("page.refused_file", page_lang(), source=PurePath(source).stem)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return fresh(answer)


# -- warnings --------------------------------------------------------------------------------------


@bp.get("/api/warnings")
def warnings() -> Response:
    """Layers that lie beside each other, in both languages: every page asks, no page depends on it."""
    with opened() as store:
        found = datum_check.current_warnings(store)
    told = [{**one.as_json(), "zh": one.told("zh"), "en": one.told("en")} for one in found]
    return kept(json.dumps(told, ensure_ascii=False).encode(), "application/json")


# -- what they share -------------------------------------------------------------------------------


def machine(code: str, message: str, hint: str = "") -> dict[str, Any]:
    """An error that is not about a file, in its machine form."""
    nothing = dict.fromkeys(("file", "row", "field", "value"))
    return {"code": code, **nothing, "message": message, "hint": hint}


def _error(error: ZhoubianError, lang: Lang) -> dict[str, Any]:
    return imports.error_json(error, of_error(error, lang))


def _require_welcome() -> None:
    require_same_origin()
    require_imports_open()


def _jobs() -> Jobs:
    return cast(Jobs, current_app.extensions["zhoubian_jobs"])


def _uploads() -> Uploads:
    return cast(Uploads, current_app.extensions["zhoubian_uploads"])
