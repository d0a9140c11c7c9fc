"""Every error Vultus raises on purpose.

Each class carries a stable, machine-readable ``code``; the message says what happened and, where there is
something to do, what to do. Anything else that escapes is a bug.

* VultusError
  * SettingsError
    · AddressUnavailable
    · SourceInvalid
    · ResumeRefused
  * OutputUnwritable
  * GroundTruthError
  * ExtraMissing
  * PictureError
    · EmptyPicture
    · NotBase64
    · UnsupportedFormat
    · CorruptPicture
    · PictureTooLarge
    · TooManyPixels
    · TooManyScans
    · PictureUnreachable
    · CorruptArchive
  * RequestError
    · RequestTooLarge
    · TooManyPictures
    · TooManyParts
    · BodyTooSlow
    · HeadTooLarge
    · UnsupportedMediaType
    · WrongCropSize
    · NoFaceFound
  * AccessError
    · Unauthorized
    · Forbidden
  * ModelError
    · CatalogueError
    · UnknownModel
    · ModelUnavailable
    · HashMismatch
    · LicenseRefused
    · IncompatibleGraph
    · PluginBroken
  * EngineError
    · RuntimeUnavailable
    · DeviceUnavailable
    · PrecisionUnavailable
    · NotReady
    · Overloaded
      · RateLimited
    · OutOfMemory
    · SelfCheckFailed
    · ServerUnreachable
    · DeadlineExceeded
    · Cancelled
"""

from __future__ import annotations

from typing import ClassVar


class VultusError(Exception):
    """Base of every error raised on purpose.

    Attributes:
        code: Stable machine-readable name of what went wrong, in snake case.
        message: One sentence for a person; never holds picture contents, keys or a stack trace.
        limit: Name of the setting whose limit was met, where there is one.
    """

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, limit: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.limit = limit


class SettingsError(VultusError):
    """A setting is unknown, of the wrong type or out of range."""

    code = "settings_invalid"


class AddressUnavailable(SettingsError):
    """The host and port that were set cannot be listened on."""

    code = "address_unavailable"


class SourceInvalid(SettingsError):
    """What was named to be indexed cannot be listed, holds no picture, or lacks the column that names them."""

    code = "source_invalid"


class ResumeRefused(SettingsError):
    """An output was begun with other networks, settings or pictures than are now to go on with."""

    code = "resume_refused"


class OutputUnwritable(VultusError):
    """A file or folder that was named for results cannot be written."""

    code = "output_unwritable"


class GroundTruthError(VultusError):
    """What an evaluation should be measured against cannot be read, or does not suffice."""

    code = "ground_truth_invalid"


class ExtraMissing(VultusError):
    """A library that an optional extra brings is not installed."""

    code = "extra_missing"


class PictureError(VultusError):
    """One picture cannot be used; other pictures of the request are not affected."""

    code = "picture_invalid"


class EmptyPicture(PictureError):
    """There are no bytes."""

    code = "picture_empty"


class NotBase64(PictureError):
    """The text that stands for a picture is not base64."""

    code = "picture_base64_invalid"


class UnsupportedFormat(PictureError):
    """The leading bytes are of no picture format that is read here."""

    code = "picture_format_unsupported"


class CorruptPicture(PictureError):
    """The format is known, but the bytes are truncated or damaged."""

    code = "picture_corrupt"


class PictureTooLarge(PictureError):
    """The encoded picture has more bytes than ``max_picture_bytes``."""

    code = "picture_bytes_exceeded"


class TooManyPixels(PictureError):
    """The header announces more pixels than ``max_picture_pixels``."""

    code = "picture_pixels_exceeded"


class TooManyScans(PictureError):
    """The JPEG has more scans than ``max_jpeg_scans``."""

    code = "picture_scans_exceeded"


class PictureUnreachable(PictureError):
    """A file name or address that stands for a picture could not be read."""

    code = "picture_unreachable"


class CorruptArchive(PictureError):
    """An archive of pictures ends early or is damaged; the pictures before that are not affected."""

    code = "archive_corrupt"


class RequestError(VultusError):
    """The request as a whole cannot be understood or served."""

    code = "request_invalid"


class RequestTooLarge(RequestError):
    """The request body has more bytes than ``max_request_bytes``."""

    code = "request_bytes_exceeded"


class TooManyPictures(RequestError):
    """The request holds more pictures than ``max_request_pictures``."""

    code = "request_pictures_exceeded"


class TooManyParts(RequestError):
    """The request body has more parts, values or levels than the settings allow."""

    code = "request_parts_exceeded"


class BodyTooSlow(RequestError):
    """The request's head did not come within ``read_timeout``, or its body not at ``min_transfer_rate`` either."""

    code = "request_too_slow"


class HeadTooLarge(RequestError):
    """The request has more header fields than ``max_headers``, or more bytes in them than ``max_header_bytes``."""

    code = "request_header_fields_too_large"


class UnsupportedMediaType(RequestError):
    """The request body is of a media type that is not read here."""

    code = "media_type_unsupported"


class WrongCropSize(RequestError):
    """A picture that was sent as an aligned crop does not have the size of the embedder's input."""

    code = "crop_size_wrong"


class NoFaceFound(RequestError):
    """A comparison needs a face, and a picture shows none."""

    code = "no_face_found"


class AccessError(VultusError):
    """Whoever asks is not let in."""

    code = "access_denied"


class Unauthorized(AccessError):
    """The request has no API key, or one that is not known.

    Attributes:
        is_given: Whether it has one.
    """

    code = "key_invalid"

    def __init__(self, message: str, *, is_given: bool = False) -> None:
        super().__init__(message)
        self.is_given = is_given


class Forbidden(AccessError):
    """The request's API key is not for what it asks."""

    code = "key_scope_missing"


class ModelError(VultusError):
    """A network cannot be had or used."""

    code = "model_invalid"


class CatalogueError(ModelError):
    """A catalogue file is malformed."""

    code = "catalogue_invalid"


class UnknownModel(ModelError):
    """No catalogue entry, alias or pack has this name."""

    code = "model_unknown"


class ModelUnavailable(ModelError):
    """No source of the network's file could be reached."""

    code = "model_unavailable"


class HashMismatch(ModelError):
    """The network's file is not the one the catalogue describes."""

    code = "model_hash_mismatch"


class LicenseRefused(ModelError):
    """The licence policy does not allow the network."""

    code = "model_license_refused"


class IncompatibleGraph(ModelError):
    """The network's inputs or outputs do not fit its family."""

    code = "model_graph_incompatible"


class PluginBroken(ModelError):
    """A package that registers a family of networks cannot be used."""

    code = "plugin_broken"


class EngineError(VultusError):
    """The engine cannot do the work, or can no longer do it."""

    code = "engine_failed"


class RuntimeUnavailable(EngineError):
    """The inference engine that was asked for is not installed."""

    code = "runtime_unavailable"


class DeviceUnavailable(EngineError):
    """The device that was asked for does not exist here."""

    code = "device_unavailable"


class PrecisionUnavailable(EngineError):
    """The device cannot compute in the precision that was asked for."""

    code = "precision_unavailable"


class NotReady(EngineError):
    """The engine has not finished its warm-up, or has been closed."""

    code = "not_ready"


class Overloaded(EngineError):
    """More work is under way than is taken on at once; the request was refused before any of it was done.

    Attributes:
        retry_after: Seconds, at least 1, after which it may be sent again.
    """

    code = "overloaded"

    def __init__(self, message: str, *, limit: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message, limit=limit)
        self.retry_after = retry_after


class OutOfMemory(EngineError):
    """Memory ran out while the work was done; other work goes on."""

    code = "out_of_memory"


class RateLimited(Overloaded):
    """The API key was used more often than it may be; the request was refused before any work was done."""

    code = "rate_limited"


class SelfCheckFailed(EngineError):
    """The last self check failed, or none has come back for too long: as bad as if the engine had just failed."""


class ServerUnreachable(EngineError):
    """A server that was to be asked does not answer, or could not be started."""

    code = "server_unreachable"


class DeadlineExceeded(EngineError):
    """The work was not done when its deadline came."""

    code = "deadline_exceeded"


class Cancelled(EngineError):
    """The caller gave the work up."""

    code = "cancelled"
