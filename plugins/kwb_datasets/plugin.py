"""What this plugin offers. Light: the loaders are imported when a recipe uses them."""

from workbench.plugin import Registry, hookimpl

KWB_API = 1

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


@hookimpl
def kwb_register_datasets(registry: Registry) -> None:
    tables = "kwb_datasets.tables"
    registry.add(
        "diabetes",
        f"{tables}:diabetes",
        summary="Ten measurements of 442 patients; the target is the disease's progression after a year.",
        tags=["regression", "table"],
    )
    registry.add(
        "iris",
        f"{tables}:iris",
        summary="Four measurements of 150 flowers; the target is one of 3 species.",
        tags=["classification", "table"],
    )
    registry.add(
        "wine",
        f"{tables}:wine",
        summary="Thirteen chemical measurements of 178 wines; the target is one of 3 growers.",
        tags=["classification", "table"],
    )
    registry.add(
        "breast_cancer",
        f"{tables}:breast_cancer",
        summary="Thirty measurements of 569 tumours; the target is malignant or benign.",
        tags=["classification", "table"],
    )
    registry.add(
        "digits",
        f"{tables}:digits",
        summary="1,797 handwritten digits, 8 by 8 pixels from 0 to 1; the target is the digit.",
        tags=["classification", "images"],
    )
    downloads = "kwb_datasets.downloads"
    registry.add(
        "california_housing",
        f"{downloads}:california_housing",
        summary="Eight numbers on 20,640 Californian districts; the target is the median house value.",
        tags=["regression", "table", "download"],
    )
    registry.add(
        "mnist",
        f"{downloads}:mnist",
        summary="70,000 handwritten digits, 28 by 28 pixels from 0 to 1, 10,000 of them the test part.",
        tags=["classification", "images", "download"],
    )
    registry.add(
        "fashion_mnist",
        f"{downloads}:fashion_mnist",
        summary="70,000 pictures of clothes, 28 by 28 pixels from 0 to 1, 10,000 of them the test part.",
        tags=["classification", "images", "download"],
    )
    registry.add(
        "cifar10",
        f"{downloads}:cifar10",
        summary="60,000 colour pictures, 32 by 32 pixels from 0 to 1, 10,000 of them the test part.",
        tags=["classification", "images", "download"],
    )
    registry.add(
        "csv",
        "kwb_datasets.text:csv",
        summary="A table in a text file: delimiter, decimal mark, encoding and header can be set.",
        tags=["reader", ".csv", ".tsv", ".txt", ".dat"],
        example={"path": "table.csv"},
    )
    registry.add(
        "parquet",
        "kwb_datasets.parquet:parquet",
        summary="A table in a Parquet file, or in a folder of them.",
        tags=["reader", ".parquet", ".pq"],
        example={"path": "table.parquet"},
    )
    registry.add(
        "npz",
        "kwb_datasets.arrays:npz",
        summary="Arrays in a numpy .npz file; each is a column, an input or a target of its name.",
        tags=["reader", ".npz"],
        example={"path": "arrays.npz"},
    )
    registry.add(
        "images",
        "kwb_datasets.images:images",
        summary="Pictures: a folder with a folder for each class, or a table with a column of file names.",
        tags=["reader", "images", "masks", *_PICTURES, *(f"*/{suffix}" for suffix in _PICTURES)],
        example={"path": "pictures", "size": "auto", "channels": "auto"},
    )
    registry.add(
        "texts",
        "kwb_datasets.text_folder:texts",
        summary="Text files in a folder for each class; folders `train` and `test` are these parts.",
        tags=["reader", "*/.txt", "text", "classification"],
        example={"path": "texts"},
    )
    registry.add(
        "json",
        "kwb_datasets.json_tables:json",
        summary="A table in JSON: a record a line, a list of records, or lists by column.",
        tags=["reader", ".jsonl", ".ndjson", ".json"],
        example={"path": "table.jsonl"},
    )
    registry.add(
        "excel",
        "kwb_datasets.excel:excel",
        summary="A table in a sheet of an Excel file (.xlsx).",
        tags=["reader", ".xlsx", ".xlsm"],
        example={"path": "table.xlsx"},
    )
    registry.add(
        "arrow",
        "kwb_datasets.arrow_files:arrow",
        summary="A table in an Arrow file: Feather, IPC file or stream.",
        tags=["reader", ".feather", ".arrow", ".ipc"],
        example={"path": "table.feather"},
    )
    registry.add(
        "orc",
        "kwb_datasets.arrow_files:orc",
        summary="A table in an ORC file.",
        tags=["reader", ".orc"],
        example={"path": "table.orc"},
    )
    registry.add(
        "arff",
        "kwb_datasets.arff_files:arff",
        summary="A table in an ARFF file, as Weka and OpenML write them.",
        tags=["reader", ".arff"],
        example={"path": "table.arff"},
    )
    registry.add(
        "sqlite",
        "kwb_datasets.sqlite_files:sqlite",
        summary="A table or a query of an SQLite file, opened for reading only.",
        tags=["reader", ".sqlite", ".sqlite3", ".db"],
        example={"path": "data.sqlite"},
    )
    registry.add(
        "sql",
        "kwb_datasets.databases:sql",
        summary="A table or a query of a database, by SQLAlchemy's address.",
        tags=["reader"],
        example={"url": "postgresql+psycopg://me:${DB_PASSWORD}@host/database", "table": "prices"},
    )
    registry.add(
        "tfrecord",
        "kwb_datasets.tf_records:tfrecord",
        summary="A TFRecord file of tf.train.Example.",
        tags=["reader", ".tfrecord", ".tfrecords"],
        example={"path": "table.tfrecord"},
    )
    registry.add(
        "hf_dataset",
        "kwb_datasets.hugging_face:hf_dataset",
        summary="A dataset of Hugging Face's `datasets`, as save_to_disk wrote it.",
        tags=["reader"],
        example={"path": "folder"},
    )
