"""Skin-lesion classifiers that fuse images with metadata, as plain torch modules."""
