"""Questions, one file each; README.md has the answers. Nothing imports these but tests of the same road."""
