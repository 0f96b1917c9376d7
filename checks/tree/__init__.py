"""The GitOps tree of one cluster as its rules see it: typed, substituted, with source lines."""
