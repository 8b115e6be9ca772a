"""Scripts for `evaluate.load(str(module_path("meteor")))`: one per metric, which it names.

`evaluate` copies a script away from the package and takes the first metric class it finds in it: hence absolute
imports of modules, never of classes.
"""
