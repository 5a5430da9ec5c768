"""The settings of a study, a module a stage: keys, defaults, bounds, words, and paper sections.

`facegap.settings.load` is in `load.py`; the whole is `facegap.settings.study.Study`.
"""
