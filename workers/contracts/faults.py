"""What data jobs say of files, sources and recipes that they cannot use, by code: as `sentences`, with which they are
taken apart for other languages.

The words are written where they are said (`workers.runtime.cleaning`, `workers.contracts.recipes`); a test holds that
each of them is here. A part of kind `quoted` is a name as `repr()` writes it; a `text` may hold anything. Only details
of data jobs are held against these: many begin with whatever a file is called.
"""

from __future__ import annotations

from typing import Final

_FILES: Final = {
    "data_empty_file": "{file:text} is empty",
    "data_no_rows": "{file:text} has no row",
    "data_no_rows_but_header": "{file:text} has a header and no row",
    "data_no_rows_after": "{file:text} has no row after line {line:number}",
    "data_all_rejected": "all {count:number} rows of {file:text} were rejected; line {line:number}:",
    "data_all_rejected_of": "all {count:number} rows of {file:text} were rejected; {member:text}: line {line:number}:",
    "data_not_text_gzip": "{file:text} is a gzip file, not text",
    "data_not_text_zip": "{file:text} is a zip file (or of Excel), not text",
    "data_not_text_bzip2": "{file:text} is a bzip2 file, not text",
    "data_not_text_xz": "{file:text} is an xz file, not text",
    "data_not_text_zstd": "{file:text} is a Zstandard file, not text",
    "data_not_text_old_excel": "{file:text} is an old Excel file, not text",
    "data_not_text_parquet": "{file:text} is a parquet file, not text",
    "data_not_text_pdf": "{file:text} is a PDF file, not text",
    "data_not_text_picture": "{file:text} is a picture, not text",
    "data_not_text_page": "{file:text} is a web page, not text",
    "data_not_text": "{file:text} is {kind:text}, not text",
    "data_starts_as": "{file:text} starts as {encoding:name} text, line 1: say so as its encoding",
    "data_nul_byte": "{file:text}: line {line:number}, byte {byte:number} is 0x00 (NUL); text has none",
    "data_nul_character": "{file:text}: line {line:number}, character {character:number} is NUL; text has none",
    "data_wrong_encoding": (
        "{file:text} is not {encoding:name}: line {line:number}, character {character:number} starts with {value:name}"
    ),
    "data_wrong_encoding_half": (
        "{file:text} is not {encoding:name}: line {line:number}, character {character:number} is half of a character"
    ),
    "data_wrong_encoding_after": "{file:text} is not {encoding:name}, after line {line:number}: {error:text}",
    "data_line_too_long": "{file:text}: line {line:number} is longer than {most:bytes} bytes",
    "data_unclosed_quote": "{file:text}: line {line:number}: a quote is opened and not closed",
    "data_null_has_delimiter": "null_values: {value:quoted} has the delimiter in it",
    "data_no_key": "no object in {file:text} has a key",
    "data_no_object_line": "no line of {file:text} is a JSON object; line {line:number}:",
    "data_no_object_element": "no element of {file:text} is a JSON object; element {number:number}:",
    "data_element_too_long": "{file:text} has an element of more than {most:bytes} bytes",
    "data_not_json_at": "{file:text}: element {number:number}, byte {byte:number}: {why:text}",
    "data_no_list": "{file:text} starts with {first:quoted}: it is no list of objects",
    "data_parquet_encrypted": "{file:text} is an encrypted Parquet file: upload it decrypted",
    "data_not_parquet": "{file:text} does not start with PAR1: it is no Parquet file",
    "data_parquet_cut": "{file:text} does not end with PAR1: it is cut off after {size:bytes} bytes",
    "data_sheet_too_large": (
        "{file:text}: {sheet:quoted} spans {rows:number} rows and {columns:number} columns; at most "
        "{most:number} cells are read"
    ),
    "data_no_sheet": "{file:text} has no sheet",
    "data_nothing_in_sheets": "{file:text} has nothing in any sheet",
    "data_no_such_sheet": "{file:text} has no sheet {sheet:quoted}; it has {known:text}",
    "data_needs_password": "{file:text} needs a password: upload it without one",
    "data_not_excel": "{file:text} is no workbook of Excel",
    "data_unreadable_excel": "{file:text} cannot be read as Excel: {error:text}",
    "data_unreadable": "{file:text} cannot be read: {error:text}",
    "data_excel_swells": "{file:text} is {size:bytes} bytes unpacked; at most {most:bytes} are opened",
    "data_larger_than_said": "{file:text} is larger unpacked than it says",
}
_ARCHIVES: Final = {
    "data_cannot_unpack": "{file:text} cannot be unpacked: {error:text}",
    "data_member_cannot_unpack": "{file:text}: {member:quoted} cannot be unpacked: {error:text}",
    "data_archive_cut": "{file:text} has no list of its members at its end: it is cut off after {size:number} bytes",
    "data_member_password": "{file:text}: {member:quoted} needs a password: upload it without one",
    "data_member_link": "{file:text}: {member:quoted} is a link; an archive may hold files only",
    "data_member_device": "{file:text}: {member:quoted} is a link or a device; an archive may hold files only",
    "data_member_outside": "{file:text}: {member:quoted} leads out of the archive",
    "data_member_archive": "{file:text}: {member:quoted} is an archive in the archive: put its files in directly",
    "data_too_many_members": "{file:text} has more than {most:number} members",
    "data_swells": "{file:text} holds more than {most:bytes} bytes unpacked",
    "data_swells_times": "{file:text} holds more than {most:number} times its own size unpacked",
    "data_too_many_tables": "{file:text} holds more than {most:number} tables",
    "data_packed_twice": "{file:text} is packed twice",
    "data_no_archive": "{file:text} is no zip and no tar",
    "data_no_archive_of": "{file:text} is no archive, and its name is none of a file of {kind:name}",
    "data_is_workbook": "{file:text} is a workbook of Excel: say excel as its format",
    "data_none_of_kind": "{file:text} holds no file that its name says is {kind:name}",
    "data_none_that_is_read": "{file:text} holds no file of a kind that is read: {known:text}",
    "data_several_kinds": "{file:text} holds files of several kinds ({held:text}): say one as the format",
    "data_only_in_one": "{file:text} holds {kind:name}; a column {column:quoted} is in only one of both",
}
_COLUMNS: Final = {
    "data_too_many_columns": "{file:place} has more than {most:number} columns",
    "data_column_unnamed": "column {number:number} has no name in {file:place}",
    "data_column_name_long": (
        "column {number:number} in {file:place}: its name has {length:number} characters, at most "
        "{most:number} are taken: {name:text}"
    ),
    "data_column_name_control": (
        "column {number:number} in {file:place}: its name has a control character: {name:text}"
    ),
    "data_column_name_kept": (
        "column {number:number} is named {name:quoted} in {file:place}; that name is kept for other use"
    ),
    "data_columns_same": "columns {first:number} and {second:number} are both named {name:quoted} in {file:place}",
    "data_columns_differ_in_case": (
        "columns {first:number} and {second:number} differ only in case: {other:quoted} and {name:quoted} in "
        "{file:place}"
    ),
    "data_columns_differ_in_blanks": (
        "columns {first:number} and {second:number} differ only in blanks: {other:quoted} and {name:quoted} "
        "in {file:place}"
    ),
    "data_columns_differ_in_letters": (
        "columns {first:number} and {second:number} differ only in how letters are written: {other:quoted} "
        "and {name:quoted} in {file:place}"
    ),
    "data_type_not_kept": "column {name:quoted} is {type:text} in {file:place}; that is not kept",
    "data_extra_of_dataset": "{file:place} has a column {column:quoted}, which the dataset does not have",
    "data_extra_of_schema": "{file:place} has a column {column:quoted}, which the schema does not have",
    "data_extra_of_other": "{file:place} has a column {column:quoted}, which {other:text} does not have",
    "data_lacks_of_dataset": (
        "{file:place} has no column {column:quoted}, which the dataset has without a missing value"
    ),
    "data_lacks_of_schema": "{file:place} has no column {column:quoted}, which the schema has without a missing value",
    "data_lacks_of_other": "{file:place} has no column {column:quoted}, which {other:text} has",
    "data_types_unknown": "types: {file:place} has no column {column:quoted}",
    "data_not_ingested": "the dataset has no column {column:quoted}: it was not ingested",
    "data_not_predicted": "the dataset has no column {column:quoted} that could be predicted",
    "data_key_lacks_earlier": "the earlier version has no column {column:quoted} of the key; it has {known:text}",
    "data_key_lacks_later": "the later version has no column {column:quoted} of the key; it has {known:text}",
    "data_key_twice_earlier": (
        "{key:text} does not tell the rows of the earlier version apart: {count:number} of its values come "
        "more than once, {shown:text} {times:number} times"
    ),
    "data_key_twice_later": (
        "{key:text} does not tell the rows of the later version apart: {count:number} of its values come "
        "more than once, {shown:text} {times:number} times"
    ),
}
_FETCHING: Final = {
    "data_query_no_row": "the query gives no row",
    "data_query_wrong": "the query {problem:text}",
    "data_query_failed": "the database says: {error:text}",
    "data_query_slow": "the query took longer than a fetch may",
    "data_query_large": "the query gives more than {most:bytes} bytes, which is the most",
    "data_query_type": "a column has a type or a value that is not taken, cast it to text: {error:text}",
    "data_database_no_secret": "say the secret that holds the address of the database",
    "data_database_no_address": "the secret is no address: {form:text}",
    "data_database_other": (
        "the secret is the address of a PostgreSQL, MySQL or MariaDB database: {form:text}; of others none is read"
    ),
    "data_database_option": "the address of the database says {name:name}; taken is {known:text} alone",
    "data_database_option_value": "{name:name} is one of {known:text}",
    "data_socket_not_fetched": "sockets of this machine are not fetched from",
    "data_host_not_allowed": "{host:name} is not on the list of what this project may fetch from",
    "data_host_unknown": "the host {host:name} is not known: {error:text}",
    "data_host_private": "{host:name} is at {address:text}, a private address; those are not fetched from",
    "data_s3_secret": "the secret for s3:// is JSON: {form:text}",
    "data_web_secret": "the secret for this host is one line: name:password, or Bearer and a token",
    "data_fetch_refused": "{host:name} answers with the status {status:number}",
    "data_fetch_refused_often": "{host:name} answers with the status {status:number}, time and again",
    "data_fetch_forbidden": "{host:name} does not give {path:text} to us (status {status:number})",
    "data_fetch_not_found": "{host:name} has no {path:text} (status {status:number})",
    "data_fetch_broken": "{place:text} broke off after {have:bytes} bytes, time and again: {error:text}",
    "data_fetch_redirects": "{place:text} leads on more than {most:number} times",
    "data_fetch_to_http": "{place:text} leads from https to http, to {host:name}",
    "data_fetch_encoded": "{place:text} comes as {encoding:name}, though it was asked for as it is",
    "data_fetch_large": "{place:text} has {size:bytes} bytes; at most {most:bytes} are taken",
    "data_fetch_larger": "{place:text} has more than {most:bytes} bytes, which is the most that is taken",
    "data_fetch_slow": "{place:text} did not come within the time that a fetch may take",
    "data_fetch_other_part": "{place:text} answers with another part than the one that was asked for",
    "data_fetch_to_address": "{place:text} leads to an address that {problem:text}",
    "data_no_connection": "{place:text}: no connection in time",
}
_JOBS: Final = {
    "data_too_wide": "the data has too many columns for one result: {error:text}",
    "data_no_memory": "the job needs more memory than it was given: {error:text}",
    "data_disk_full": "a disk that the job writes to is full: the log says where; make room and run it again",
    "data_no_secret": "the secret {name:quoted} was not given to this job",
    "data_no_shared_folder": "the machines of a Ray cluster and this job share no folder: run it native",
    "data_no_files": "the input {name:quoted} has no Parquet file",
}
_RECIPES: Final = {
    "data_no_column": "there is no column {column:quoted}; there are {known:text}",
    "data_no_column_near": "there is no column {column:quoted}; there are {known:text}; did you mean {near:text}?",
    "data_column_is": "column {column:quoted} is {type:name}, not {wanted:text}",
    "data_column_is_label": "column {column:quoted} is the label, not a feature",
    "data_column_is_split": "column {column:quoted} says which part a row belongs to; it is no feature",
    "data_column_is_weight": "column {column:quoted} says how much a row counts; it is no feature",
    "data_column_exists": "there is a column {column:quoted} already",
    "data_no_feature": "no feature is left",
    "data_name_kept": "the name {name:quoted} is kept for other use",
    "data_name_wrong": "a column cannot be named {name:quoted}: blanks around it or control characters",
    "data_name_nul": "a column cannot be named {name:quoted}",
    "data_keeps_name": "column {column:quoted} keeps its name",
    "data_keeps_type": "column {column:quoted} keeps its type",
    "data_cannot_become": "column {column:quoted} is {type:name}; it cannot become {wanted:name}",
    "data_date_has_no": "column {column:quoted} is a date: it has no {part:name}",
    "data_expression_at": "at character {character:number}: {error:text}",
    "data_expression_gives": "it gives {type:name}, not true or false",
    "data_made_by_split": "column {column:quoted} is made by a split only",
    "data_takes_truth": "column {column:quoted} takes true or false",
    "data_says_group": "column {column:quoted} says the group, so it is not filled",
    "data_says_nothing": "column {column:quoted} says nothing about anybody",
    "data_split_twice": "the rows are split already",
    "data_weighted_twice": "the rows have weights already",
    "data_too_many_to_balance": (
        "column {column:quoted} has {count:number} values; at most {most:number} can be balanced"
    ),
    "data_too_many_to_stratify": (
        "column {column:quoted} has {count:number} values; at most {most:number} can be stratified"
    ),
    "data_too_many_groups": "column {column:quoted} has {count:number} values; at most {most:number} make groups",
    "data_too_many_categories": (
        "column {column:quoted} has {count:number} values in the training rows; at most {most:number}"
    ),
    "data_would_be_columns": "there would be {count:number} columns; at most {most:number}",
    "data_not_converted": "{count:number} values of column {column:quoted} cannot be converted: {shown:text}",
    "data_would_be_two": "there would be two columns {column:quoted}",
    "data_would_be_alike": "there would be columns {other:quoted} and {column:quoted}, equal but for case",
    "data_unmapped": "column {column:quoted} has values outside of the mapping: {named:text}",
    "data_key_short": "the secret {name:quoted} has {length:number} bytes; a key has at least {least:number}",
    "data_all_test": "no row is left for training: all {count:number} are test rows at a test_ratio of {share:name}",
    "data_no_time": "no row has a time in column {column:quoted}",
}
_ROWS: Final = {
    "data_row_convert": "could not convert {value:text} to {type:name}",
    "data_row_cast": (
        "cast: Error when converting column {column:text}. Could not convert string {value:text} to {type:quoted}"
    ),
    "data_row_missing": "a value is missing, and the schema says that none is",
    "data_row_few": "missing columns: Expected Number of Columns: {wanted:number} Found: {found:number}",
    "data_row_many": "too many columns: Expected Number of Columns: {wanted:number} Found: {found:number}",
    "data_row_not_json": "not JSON: {error:text}",
    "data_row_not_object": "not an object but {type:name}",
    "data_row_key_twice": "the key {key:quoted} stands in it twice",
    "data_row_half": (
        "it has half of a character (a surrogate escape without the other) or a number that JSON does not have"
    ),
    "data_row_file_large": "the file has more than {most:bytes} bytes",
    "data_row_text_large": "a text has at most {most:bytes} bytes",
    "data_row_text_nul": "character {character:number} is NUL; text has none",
    "data_row_text_encoding": "it is not {encoding:name}: byte {byte:number} is {value:name}",
    "data_row_text_encoding_guess": (
        "it is not {encoding:name}: byte {byte:number} is {value:name}; it may be {guess:name}"
    ),
}

STEP: Final = "data_step"
"""Before what is said of a step of a recipe."""
FAULTS: Final[dict[str, str]] = {
    STEP: "step {step:number} ({kind:name}):",
    **_FILES,
    **_ARCHIVES,
    **_COLUMNS,
    **_FETCHING,
    **_JOBS,
    **_RECIPES,
    **_ROWS,
}
