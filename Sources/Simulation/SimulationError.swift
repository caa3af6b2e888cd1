import EventLog
import Storage

/// Why a simulation stops; a directory without `truth/manifest.json` holds an unfinished one.
package enum SimulationError: Error, Equatable, CustomStringConvertible {
    /// A number is out of its range.
    case badOption(name: String, value: String, allowed: String)
    /// The directory holds a log already.
    case occupied(directory: String, segmentCount: Int)
    /// The directory holds something that no simulation has written.
    case foreign(directory: String)
    case diskFull(directory: String, freeByteCount: Int64, neededByteCount: Int64)
    case log(EventLogError)
    case storage(StorageError)

    package var description: String {
        switch self {
        case .badOption(let name, let value, let allowed):
            "--\(name) \(value): want \(allowed)"
        case .occupied(let directory, let count):
            "\(directory)/log holds \(count) segments already; give another --out, or --replace "
                + "to remove that log and its truth first"
        case .foreign(let directory):
            "\(directory) was not written by a finished simulation (no truth/manifest.json), so "
                + "--replace leaves it alone; remove it yourself, or give another --out"
        case .diskFull(let directory, let free, let needed):
            "\(directory): about \(needed / 1_000_000) MB are needed and "
                + "\(free / 1_000_000) MB are free; give another --out, or fewer --users"
        case .log(let error): error.description
        case .storage(let error): error.description
        }
    }
}
