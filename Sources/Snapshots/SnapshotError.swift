import Events
import Storage

/// Why a snapshot, space, generation or the registry could not be written, read or changed.
///
/// Whatever was published before stays as it was.
package enum SnapshotError: Error, Equatable, CustomStringConvertible {
    case storage(StorageError)
    case registry(path: String, reason: String)
    /// The disk has no room for it, or fails.
    case registryDisk(path: String, reason: String)
    /// Its content is no registry any more.
    case damagedRegistry(path: String, reason: String)
    case newerRegistry(path: String, found: [String])
    case inputsFull(path: String, limit: Int)
    case stateDirectoryInUse(path: String)
    case unknownVersion(Int64)
    /// `current` is not what whoever asked counts on.
    case notExpected(expected: Int64, current: Int64?)
    case damaged(path: String, reason: String)
    case newerSchema(path: String, found: Int, supported: Int)
    case notAscending(user: UserID, previous: UserID)
    case notFinite(user: UserID, column: Int)
    case wrongWidth(user: UserID, expected: Int, found: Int)
    case badParts(String)
    case diskFull(path: String, neededByteCount: Int64, freeByteCount: Int64)
    case busy(version: Int64)
    case badName(String)
    case fill(path: String, reason: String)

    package var description: String {
        switch self {
        case .storage(let error): error.description
        case .registry(let path, let reason):
            "\(path): \(reason); if it is damaged, stop ubpd and move it away: snapshots and "
                + "generations are adopted again from their directories"
        case .registryDisk(let path, let reason):
            "\(path): \(reason); nothing is lost: free disk space there or check the disk, then try "
                + "again"
        case .damagedRegistry(let path, let reason):
            "\(path): damaged: \(reason); the daemon sets it aside when it starts"
        case .newerRegistry(let path, let found):
            "\(path): written by a newer ubpd (migrations \(found)); run that version"
        case .inputsFull(let path, let limit):
            "\(path): \(limit) inputs are kept, which is the limit; correct the records and append "
                + "them to the log instead of replaying them"
        case .stateDirectoryInUse(let path):
            "\(path): another ubpd holds this state directory; stop it, or set another `state_dir`"
        case .unknownVersion(let version):
            "there is no snapshot \(version); `ubpctl snapshot list` shows those there are"
        case .notExpected(let expected, let current):
            "`current` is \(current.map(String.init) ?? "nothing"), not \(expected); look at "
                + "`ubpctl snapshot list`, then ask again with what you find"
        case .damaged(let path, let reason):
            "\(path): \(reason); it is not used any more: remove it, or restore it from a copy"
        case .newerSchema(let path, let found, let supported):
            "\(path): schema \(found), this ubpd reads up to \(supported); run a newer ubpd"
        case .notAscending(let user, let previous):
            "user \(user) came after user \(previous); snapshots hold each user once, ascending"
        case .notFinite(let user, let column):
            "user \(user), column \(column): not finite as float16; nothing was published"
        case .wrongWidth(let user, let expected, let found):
            "user \(user): \(found) columns, the snapshot has \(expected)"
        case .badParts(let reason): "parts of the profile: \(reason)"
        case .diskFull(let path, let needed, let free):
            "\(path): \(needed) bytes are needed and \(free) are free; "
                + "make room, or keep fewer snapshots"
        case .busy(let version): "snapshot \(version) is being written; wait for it"
        case .badName(let name): "'\(name)' cannot be a file of a published directory"
        case .fill(let path, let reason): "\(path): could not be filled: \(reason)"
        }
    }
}

/// Runs `body`, turning what the disk throws into a `SnapshotError`.
func onDisk<Result>(
    _ body: () throws(StorageError) -> Result
) throws(SnapshotError) -> Result {
    do { return try body() } catch { throw .storage(error) }
}

/// As `onDisk`, where a file that is missing means that something published was damaged.
func inPublished<Result>(
    _ body: () throws(StorageError) -> Result
) throws(SnapshotError) -> Result {
    do {
        return try body()
    } catch .missing(let path) {
        throw .damaged(path: path, reason: "missing")
    } catch {
        throw .storage(error)
    }
}
