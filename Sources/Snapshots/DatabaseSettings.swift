import GRDB

/// How every SQLite file of this package is opened (DESIGN §9).
package enum DatabaseSettings {
    /// WAL, `synchronous=FULL`, 16 KiB pages, foreign keys; one connection, so no waiting for locks.
    package static func make(label: String) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.prepareDatabase { database in
            // A page size holds only when set before the first page and before WAL.
            try database.execute(sql: "PRAGMA page_size = 16384")
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = FULL")
            // What is deleted or replaced is overwritten, so that forgetting a user is true of the
            // file's free space as well (docs/forgetting.md).
            try database.execute(sql: "PRAGMA secure_delete = ON")
        }
        return configuration
    }

    /// A second connection that only reads, beside the one that writes and has made the file.
    package static func makeReader(label: String) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.readonly = true
        configuration.prepareDatabase { database in
            // KiB. The inner pages of a tree of a million users are some hundred.
            try database.execute(sql: "PRAGMA cache_size = -16384")
        }
        return configuration
    }
}
