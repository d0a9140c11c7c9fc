"""Every knob, once: default, environment variable, command-line flag and help text all come from here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ByteSize, Field

from vultus.settings.access import Access
from vultus.settings.cluster import Ray
from vultus.settings.fields import (
    Flags,
    Folder,
    Hosts,
    LicencePolicy,
    Names,
    Paths,
    Schemes,
    UserPath,
    default_cache,
)


class Networks(BaseModel):
    """Networks: which networks are used, and where their files come from."""

    pack: str = Field(default="small", description="Pack of networks to use; `vultus models list` shows them.")
    detector: str | None = Field(default=None, description="Detector to use instead of the pack's.")
    embedder: str | None = Field(
        default=None,
        description="Embedder to use instead of the pack's; also the path of an ONNX file of ArcFace's shape.",
    )
    attributes: Names = Field(
        default=(),
        description="Attribute networks to use beside the pack's, comma-separated; the last that tells a fact counts.",
    )
    models: Paths = Field(default=(), description="Further catalogue files (TOML), merged over the built-in one.")
    model_path: Paths = Field(default=(), description="Folders searched for network files before anything is fetched.")
    model_cache: UserPath = Field(
        default_factory=default_cache, description="Folder fetched network files are kept in; may be read-only."
    )
    offline: bool = Field(default=False, description="Never fetch anything; use what is in model-path and the cache.")
    license_policy: LicencePolicy = Field(
        default="any",
        description="`permissive` refuses networks whose licence forbids commercial use or is not stated.",
    )


class Inference(BaseModel):
    """Inference: what computes, and how exactly."""

    runtime: Literal["auto", "openvino", "onnx", "triton", "dummy"] = Field(
        default="auto",
        description="Inference engine; `triton`: a server. `dummy` finds made-up faces: for tests only.",
    )
    device: str = Field(default="cpu", description="Device the networks run on, as the engine names it.")
    precision: Literal["f32", "bf16", "fp16", "int8", "auto"] = Field(
        default="f32",
        description="f32 is exact; bf16 (CPUs), fp16 (GPUs): faster, auto takes one; int8: `models quantize`.",
    )
    all_cores: bool | None = Field(
        default=None,
        description="Compute what is alone on all cores: less latency, for some 50 MB; unset: not in a server.",
    )
    streams: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="How many runs of one network are computed at once, each on one core; 0: one per core.",
    )
    triton_url: str = Field(
        default="grpc://localhost",
        pattern="^(grpc|http)s?://[^/]",
        description="Address of the `triton` runtime's server: grpc://host:8001, http://host:8000.",
    )
    triton_mem: Literal["auto", "system", "cuda", "off"] = Field(
        default="auto",
        description="Share memory with that server: `auto`: if it is on this machine; `system`: it has to be.",
    )
    triton_wait: float = Field(
        default=60.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that server is waited for at the start.",
    )


class Detection(BaseModel):
    """Detection: defaults of the native API and the command line."""

    canvas: int = Field(
        default=640, ge=64, le=4096, multiple_of=32, description="Side of the detector's square input, pixels."
    )
    aspect: Literal["picture", "square"] = Field(
        default="picture",
        description="Of the input: `picture`: cut to the picture's own, which is faster; `square`: not.",
    )
    decode: Literal["full", "scaled"] = Field(
        default="full",
        description="`scaled`: JPEGs far larger than the canvas at a half or less; best with `shrink` = `smooth`.",
    )
    shrink: Literal["linear", "smooth"] = Field(
        default="linear",
        description="How what is large is made small: `linear` as InsightFace does; `smooth` averages all pixels.",
    )
    second_canvas: int = Field(
        default=0,
        ge=0,
        le=4096,
        multiple_of=32,
        description="Side of a second input (128, say), where faces that nearly fill the picture are found; 0: none.",
    )
    threshold: float = Field(default=0.5, gt=0, lt=1, description="Detector score above which a face counts.")
    nms_threshold: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Overlap (IoU) above which the weaker box is dropped; unset: the detector's own, mostly 0.4.",
    )


class PictureLimits(BaseModel):
    """Picture limits: what one picture may cost."""

    max_picture_bytes: ByteSize = Field(default=ByteSize(20 * 2**20), ge=1, description="Largest encoded picture.")
    max_picture_pixels: int = Field(default=50_000_000, ge=1, description="Largest picture, pixels (width x height).")
    max_jpeg_scans: int = Field(
        default=100, ge=1, description="Most scans of a progressive JPEG: each costs a pass over the picture."
    )
    max_picture_faces: int = Field(
        default=1000, ge=1, description="Most faces of one picture: those with the best scores are kept."
    )


class RequestLimits(BaseModel):
    """Request limits: what one request may cost."""

    max_request_bytes: ByteSize = Field(default=ByteSize(64 * 2**20), ge=1, description="Largest request body.")
    max_request_pictures: int = Field(default=256, ge=1, description="Most pictures in one request.")
    max_json_values: int = Field(
        default=100_000, ge=1, description="Most values (texts, numbers, lists ...) in a JSON or MessagePack body."
    )
    max_json_depth: int = Field(
        default=32, ge=1, le=500, description="Most levels of lists and objects in a JSON or MessagePack body."
    )
    max_form_parts: int = Field(default=1000, ge=1, description="Most files and fields of a form.")
    max_headers: int = Field(default=100, ge=1, description="Most header fields of a request.")
    max_header_bytes: ByteSize = Field(
        default=ByteSize(32 * 2**10), ge=1024, description="Largest head of a request: its address and header fields."
    )
    request_timeout: float = Field(
        default=60.0, ge=0, allow_inf_nan=False, description="Seconds after which a request is given up; 0: never."
    )


class Connections(BaseModel):
    """Connections: how many there may be, and how long a client that is slow or silent is waited for."""

    max_connections: int = Field(
        default=1000,
        ge=1,
        description="Connections that a process of the server holds at once; further ones are answered 429 and closed.",
    )
    read_timeout: float = Field(
        default=20.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds in which a request's head has to come, and so its body, but for what min-transfer-rate "
        "allows it more.",
    )
    write_timeout: float = Field(
        default=20.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which a client that takes its answer slower than min-transfer-rate is cut off.",
    )
    min_transfer_rate: ByteSize = Field(
        default=ByteSize(2**10), ge=1, description="Bytes a second that clients have to send and to take."
    )
    keep_alive_timeout: int = Field(
        default=5, ge=0, description="Seconds an idle connection is kept open for the client's next request."
    )


class Admission(BaseModel):
    """Admission: what all requests together may have under way, beyond which they get 429; workers share it equally."""

    max_queued_pictures: int = Field(
        default=0,
        ge=0,
        description="Pictures that may wait or be worked on before requests are refused; 0: 20 per worker thread, "
        "about a second's work.",
    )
    max_inflight_bytes: ByteSize = Field(
        default=ByteSize(256 * 2**20),
        ge=1,
        description="Bytes of request bodies and fetched pictures held at once; a request that is alone may exceed it.",
    )
    max_inflight_pixels: int = Field(
        default=250_000_000,
        ge=1,
        description="Pixels of pictures worked on at once, up to 6 bytes each; others wait. Those of a WebP count four "
        "times, of other formats but common JPEG twice. One picture may always be.",
    )
    drain_timeout: float = Field(
        default=30.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that requests under way get when the server is asked to end (SIGTERM).",
    )


class PicturesByName(BaseModel):
    """Pictures by name: whether clients may name files and addresses instead of sending pictures."""

    image_root: Folder | None = Field(
        default=None, description="Folder that clients may name picture files below; unset: file names are refused."
    )
    fetch_urls: bool = Field(default=False, description="Fetch pictures from http(s) addresses that clients name.")
    fetch_schemes: Schemes = Field(
        default=("http", "https"), description="Schemes of such addresses, comma-separated; `https` alone is stricter."
    )
    fetch_hosts: Hosts = Field(
        default=(),
        description="Hosts to fetch from, comma-separated; `*.example.org`: every name below example.org; unset: any.",
    )
    fetch_private: bool = Field(
        default=False,
        description="Also fetch from private, loopback and link-local addresses. Dangerous on a shared network.",
    )
    fetch_timeout: float = Field(
        default=20.0, gt=0, allow_inf_nan=False, description="Seconds one picture's download may take."
    )


class Server(BaseModel):
    """Server: where it listens, what it offers, what it logs."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=18081, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Processes that answer requests; they share the cores, and each holds the networks once more; on "
        "an accelerator one more process holds them for all.",
    )
    dialects: Names = Field(
        default=("insightface-rest", "face-triton", "arcface-api", "compreface"),
        description="Other services' APIs to offer beside /v1, comma-separated; `none` for /v1 alone.",
    )
    age_gender: bool = Field(
        default=False, description="Let /v1 tell age and gender, if networks in use can; other dialects always do."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much the log says."
    )
    compat: Literal["insightface-rest", "compreface", "arcface-api", "face-triton"] | None = Field(
        default=None, description="Stand in for this service: its API, its port, and its environment variables."
    )


class Operations(BaseModel):
    """Operations: what the server tells those who run it, and when it gives up."""

    log_format: Literal["text", "json"] = Field(
        default="text", description="Form of the log's lines; `json`: one object each."
    )
    access_log: bool = Field(default=False, description="Log a line for each request that was answered.")
    otel_endpoint: str | None = Field(
        default=None,
        pattern="^https?://[^/]",
        description="Collector that traces are sent to (OTLP over HTTP), such as http://collector:4318; unset: that "
        "of OpenTelemetry's own variable, or no traces. Needs the extra `otel`.",
    )
    stuck_timeout: float = Field(
        default=60.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds that the self check may fail before a server of one process ends with an error, to be "
        "started anew; 0: it does not end.",
    )


class InsightFaceRest(BaseModel):
    """InsightFace-REST: how its API behaves."""

    ifr_threshold: float = Field(
        default=0.6, ge=0, le=1, description="Detector score above which a face counts where the request does not say."
    )
    ifr_flags: Flags = Field(
        default=("extract_embedding",),
        description="Flags that are on where the request does not say, comma-separated, of `return_face_data`, "
        "`return_landmarks`, `extract_embedding`, `extract_ga`, `detect_masks`; `none` for none.",
    )
    ifr_form: Literal["1", "2"] | None = Field(
        default=None,
        description="Form of answers to requests without `api_ver`; unset: as in 2020 where they carry `max_size`, "
        "else today's (2).",
    )
    ifr_color: Literal["rgb", "bgr"] = Field(
        default="rgb",
        description="`bgr`: embed with red and blue exchanged, as its TensorRT engine does since late 2023, so that "
        "vectors stored by it stay comparable.",
    )


class ArcFaceApi(BaseModel):
    """ArcFace API: what its answers look like."""

    arcface_api_form: Literal["flat", "nested"] = Field(
        default="flat",
        description="`flat`: as documented, errors as HTTP statuses; `nested`: as its C# client reads it, the "
        "embedding in a list of its own and errors with status 200.",
    )
    arcface_api_boxes: Literal["pixels", "fractions"] = Field(
        default="pixels", description="Units of its boxes; `fractions` of the picture's width and height."
    )


class CompreFace(BaseModel):
    """CompreFace: how the API of its core service behaves."""

    compreface_plugins: Names = Field(
        default=(),
        description="Plugins by the names of its configuration, such as `facenet.Calculator`, comma-separated; unset: "
        "all that the networks above can do.",
    )
    compreface_threshold: float | None = Field(
        default=None, ge=0, le=1, description="Detector score above which a face counts; unset: the detector's own."
    )
    compreface_length: int = Field(
        default=640,
        ge=64,
        le=4096,
        multiple_of=32,
        description="Longest side of a picture, pixels, in which faces are looked for; larger ones are scaled down.",
    )
    compreface_color: Literal["rgb", "bgr"] = Field(
        default="rgb",
        description="`bgr`: embed with red and blue exchanged, as CompreFace's InsightFace builds do, so that vectors "
        "stored by them stay comparable.",
    )
    compreface_build: str = Field(default="dev", description="What `/status` tells as `build_version`.")


SERVER_GROUPS: tuple[type[BaseModel], ...] = (
    Networks,
    Inference,
    Detection,
    PictureLimits,
    RequestLimits,
    Connections,
    Admission,
    PicturesByName,
    Server,
    Access,
    Operations,
    InsightFaceRest,
    ArcFaceApi,
    CompreFace,
)
"""The groups of a server's settings, in the order they are shown."""

GROUPS: tuple[type[BaseModel], ...] = (*SERVER_GROUPS, Ray)
"""The groups of all settings."""
