"""Why a photo is refused, by name: for programs the code, for people a sentence that says what to do."""

from collections.abc import Mapping

from shared.errors import FieldError, Invalid

WORDS: Mapping[str, tuple[str, str]] = {
    "empty": ("文件是空的，请重新拍一张", "the file is empty; take the photo again"),
    "too_large": ("文件太大，请换一张或降低画质", "the file is too large; send a smaller one"),
    "too_many_pixels": ("像素太多，请用普通模式重拍", "too many pixels; take it again in the normal mode"),
    "too_complex": (
        "图片无法在限制内解码，请重新拍一张",
        "it cannot be decoded within the limits; take the photo again",
    ),
    "not_an_image": ("这不是图片", "this is no picture"),
    "unsupported_format": (
        "不支持这种格式，请发 JPEG、PNG、WebP 或 HEIC",
        "this format is not accepted; send JPEG, PNG, WebP or HEIC",
    ),
    "mislabelled": (
        "文件名或类型与照片格式不符（照片可能被改过名），请用相机重拍，或从相册选原图发送",
        "the name or type is of another format than the picture, which may have been renamed; "
        "take it again with the camera, or send the original from the album",
    ),
    "polyglot": ("图片里夹带了其他文件，请重新拍一张", "another file hides in the picture; take the photo again"),
    "animated": ("动图或视频不能作为照片，请发静态照片", "a moving picture is no photo; send a still one"),
    "truncated": ("照片不完整或已损坏，请重发", "the picture is damaged or its end is missing; send it again"),
}
"""By code: zh-CN, en. `docs/photos.md` explains each."""


def refused(code: str, fact: str = "", field: str = "photo") -> Invalid:
    """A refusal of the photo in `field`; `fact` is what was found. Raises `KeyError` for a code without words."""
    zh, en = WORDS[code]
    reason = f"{zh} · {en}" + (f" ({fact})" if fact else "")
    return Invalid(f"{field}: {reason}", FieldError(field, reason), code=code)


def at(field: str, error: Invalid) -> Invalid:
    """The same refusal, said of another field, such as `photos.1`."""
    moved = [FieldError(field, one.reason) for one in error.errors]
    return Invalid("; ".join(f"{one.field}: {one.reason}" for one in moved), *moved, code=error.problem_code)
