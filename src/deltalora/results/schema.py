"""The rules of every stored file: frozen, no unknown key, no NaN, UTC times, and errors that name file and key."""

from datetime import UTC
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from deltalora.errors import StoreError, cannot


class StoredModel(BaseModel):
    """Base of everything written to the store.

    Built from Python it accepts what converts without loss (a list for a tuple); read from a file it accepts only the
    exact types, so that a record read equals the record written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=StoredModel)

#: A moment with a time zone, kept and written in UTC; a naive one is refused, since it has no order.
UtcDatetime = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]

#: A SHA-256 digest in lower-case hexadecimal.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def parse(model: type[M], text: str | bytes, where: str, remedy: str) -> M:
    """Read one stored object strictly from JSON.

    Raises:
        StoreError: Not JSON, or a key is missing, unknown or of another type; names the place, the first such key, and
            the remedy.
    """
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise StoreError(f"{where}: {first_fault(error)}; {remedy}") from error


def first_fault(error: ValidationError) -> str:
    """Return the first of pydantic's complaints as one phrase: key, what is wrong, and how many more there are."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    key = ".".join(str(part) for part in faults[0]["loc"]) or "the whole file"
    message = faults[0]["msg"].replace("\n", " ")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{key}: {message}{more}"


def read_text(path: Path) -> str | None:
    """Return the text of a file, None if there is no such file; StoreError if it is not to be read as UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(cannot("read", path, error)) from error
