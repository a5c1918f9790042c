"""What makes an exported file useless."""


class UnclearError(Exception):
    """An export cannot be had, or something in its file is not exactly understood: its words end a sentence for the admin.

    Never leaves this package.
    """
