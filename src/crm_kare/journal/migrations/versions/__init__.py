"""The journal's tables, step by step; a step that was released is never edited."""
