import GRDB
import Snapshots

/// A `state.sqlite` that nobody writes any more.
package enum StateFile {
    /// Copies the write-ahead log into the file, so that it can be moved alone.
    package static func seal(_ path: String) throws(PipelineError) {
        do {
            let database = try DatabaseQueue(
                path: path, configuration: DatabaseSettings.make(label: "sealing"))
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            try database.close()
        } catch {
            throw .storage("\(path): \(error); look at its permissions and at the disk")
        }
    }
}
