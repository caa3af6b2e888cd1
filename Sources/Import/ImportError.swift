import EventLog
import Events
import Storage

/// Why an import stops; what was written before stays a valid log, but half an import.
package enum ImportError: Error, Equatable, CustomStringConvertible {
    case storage(StorageError)
    case dictionary(DictionaryError)
    /// The table has no header, or one that cannot be read.
    case badHeader(reason: String)
    case missingColumn(field: String, column: String, columns: [String])
    case tooManyRows(limit: Int)
    /// A row that never ends: most often a quote that was not closed.
    case rowTooLong(line: Int, limit: Int)
    case badOption(reason: String)
    case log(EventLogError)

    package var description: String {
        switch self {
        case .storage(let error): error.description
        case .dictionary(let error): error.description
        case .badHeader(let reason): "line 1: \(reason)"
        case .missingColumn(let field, let column, let columns):
            "line 1: no column `\(column)` for \(field); there are \(columns); "
                + "say which one it is with --column \(field)=NAME"
        case .tooManyRows(let limit):
            "more than \(limit) rows; split the file by time, or raise --max-rows"
        case .rowTooLong(let line, let limit):
            "line \(line): the row that starts here has more than \(limit) bytes; "
                + "look for a quote that is not closed"
        case .badOption(let reason): reason
        case .log(let error): error.description
        }
    }
}
