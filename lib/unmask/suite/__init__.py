"""Profiles, plan, runner and HTML reports: the suite that turns notebooks into a shelf of reports.

Nothing in here imports TensorFlow, so that listing a plan answers at once.
"""
