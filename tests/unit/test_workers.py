"""What a Spark worker lets go of can still be had."""

import gc
import importlib
import sys
import zipfile
from zipimport import zipimporter

from brazada.workers import settle


def test_an_archive_is_looked_into_again_only_for_what_is_not_imported_yet(tmp_path, monkeypatch):
    archive = tmp_path / "sea.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("cod_in_zip.py", "weight = 1")
        file.writestr("eel_in_zip.py", "weight = 2")
    monkeypatch.syspath_prepend(str(archive))
    assert importlib.import_module("cod_in_zip").weight == 1
    try:
        settle()
        assert gc.get_freeze_count()
        assert not any(isinstance(finder, zipimporter) for finder in sys.path_importer_cache.values())
        assert importlib.import_module("eel_in_zip").weight == 2
    finally:
        gc.unfreeze()
