"""Errors, in the words of the domain; web/problems.py says which HTTP status each one is."""


class RevimgError(Exception):
    """A task that can't be done. The message is one sentence: what is wrong, and the way out."""


class RowNotFoundError(RevimgError):
    """The table has no row with this key."""


class NotEmbeddedError(RevimgError):
    """The table or the row has no vector."""


class NewRowError(NotEmbeddedError):
    """The row has a picture, but nothing has looked at it yet."""


class DamagedVectorError(NotEmbeddedError):
    """The row's vector is damaged, so that it has none that can be used."""


class NoPictureError(RevimgError):
    """The row has no picture, or none that could be found."""


class PictureGoneError(RevimgError):
    """The picture's file was moved, deleted, or can't be read now."""


class OutsideFolderError(RevimgError):
    """The picture's path leads out of the folder that the table's paths start from."""


class UnusablePictureError(RevimgError):
    """The picture is there, but too large, or not a picture."""


class ModelMissingError(RevimgError):
    """The model is known, or recorded with a table, but its files are not on this machine."""


class OtherModelError(RevimgError):
    """The table's vectors were made by another model, so the two can't be compared."""


class NewerVersionError(RevimgError):
    """A later version of this program has made the tables, so what is in them isn't known."""


class WeightsError(RevimgError):
    """The given arrays are not VGG16's; the message names the tensor."""


class TooFewPicturesError(RevimgError):
    """There are too few pictures to work out what was asked for."""


class CodesError(Exception):
    """The stored codes can't be used; the message says why. Searches read the vectors instead."""
