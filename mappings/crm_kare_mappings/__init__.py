"""Starter mappings, rulebook and playbooks, copied by `crm-kare init`."""
