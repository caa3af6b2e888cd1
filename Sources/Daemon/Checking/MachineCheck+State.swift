import EventLog
import Pipeline
import Snapshots
import Storage

/// The log, the state directory, and whether the one belongs to the other.
extension MachineCheck {
    mutating func checkLog() {
        let path = configuration.logDirectory
        guard exists(path) else {
            return warn(
                "log_dir", "\(path) is not there",
                "make it; a daemon that is started without it waits for it")
        }
        guard FileAccess.isDirectory(path) else {
            return error("log_dir", "\(path) is no directory", "name the directory of the segments")
        }
        guard FileAccess.mayRead(path), let names = try? disk.names(in: path) else {
            return error(
                "log_dir", "\(path) is not readable for this user",
                "let the daemon's user list it and read what is in it")
        }
        let segments = names.filter { SegmentName.sequence($0) != nil }
        guard let newest = segments.last else {
            let others =
                names.isEmpty ? "nothing is in it" : "none of its \(names.count) names is one"
            return warn(
                "log_dir", "\(path) has no segment: \(others)",
                "nothing is wrong when the shop has yet to write one; segments are named "
                    + SegmentName.name(1))
        }
        for name in [segments.first, newest].compactMap({ $0 })
        where !FileAccess.mayRead("\(path)/\(name)") {
            error(
                "log_dir", "\(path)/\(name) is not readable for this user",
                "let whoever writes segments make them readable for the daemon")
            return
        }
    }

    mutating func checkState() {
        let path = configuration.stateDirectory
        guard exists(path) else { return checkMakeable(path) }
        guard FileAccess.isDirectory(path) else {
            return error("state_dir", "\(path) is no directory", "move it away, or name another")
        }
        guard FileAccess.mayRead(path), FileAccess.mayWrite(path) else {
            return error(
                "state_dir", "\(path) is not readable and writable for this user",
                "run this as the daemon's user, or let that user own the directory")
        }
        let own = Accounts.ownUser
        if let owner = FileAccess.owner(of: path), own != 0, owner != own {
            warn(
                "state_dir", "\(path) belongs to the user \(owner), and this is the user \(own)",
                "run this as the daemon's user, or let that user own the directory")
        }
        checkParts(path)
        checkRoom(path)
        checkRegistry(path)
    }

    /// A directory that the first start makes.
    private mutating func checkMakeable(_ path: String) {
        var parent = path.parentPath
        while let found = parent, !exists(found) { parent = found.parentPath }
        let place = parent ?? "."
        guard FileAccess.isDirectory(place), FileAccess.mayWrite(place) else {
            return error(
                "state_dir", "\(path) is not there, and cannot be made in \(place)",
                "make it, and let the daemon's user own it")
        }
    }

    /// What is published is renamed within the state directory, which one file system must hold.
    private mutating func checkParts(_ path: String) {
        guard let device = (try? disk.status(path)).flatMap({ $0?.device }) else { return }
        for name in ["generations", "quarantine", "snapshots", "spaces"] {
            guard let part = (try? disk.status("\(path)/\(name)")).flatMap({ $0 }) else { continue }
            if part.kind == .directory, part.device != device {
                warn(
                    "state_dir", "\(path)/\(name) is on another file system than \(path)",
                    "mount one file system at \(path): what is published is renamed within it")
            }
            if part.kind == .directory, !FileAccess.mayWrite("\(path)/\(name)") {
                error(
                    "state_dir", "\(path)/\(name) is not writable for this user",
                    "let the daemon's user own all that is in \(path)")
            }
        }
    }

    /// A refresh makes a second state beside the first, and a snapshot (DESIGN §6).
    private mutating func checkRoom(_ path: String) {
        guard let free = try? disk.freeByteCount(path) else { return }
        let states = largest("\(path)/generations") { "\($0)/state.sqlite" }
        let snapshots = largest("\(path)/snapshots") { "\($0)/embeddings.npy" }
        let wanted = 2 * states + snapshots
        let least: Int64 = 64 << 20
        if free < least {
            error(
                "state_dir", "\(path) has \(free) bytes free",
                "free some: it wants at least \(max(least, wanted))")
        } else if free < wanted {
            warn(
                "state_dir",
                "\(path) has \(free) bytes free; a refresh and a snapshot need some \(wanted)",
                "free some, or keep fewer with snapshot.retain and generations.retain")
        }
    }

    private func largest(_ directory: String, _ file: (String) -> String) -> Int64 {
        let names = (try? disk.names(in: directory)) ?? []
        return names.compactMap { name in
            (try? disk.status(file("\(directory)/\(name)"))).flatMap { $0?.byteCount }
        }.max() ?? 0
    }

    // MARK: What was stored

    private mutating func checkRegistry(_ path: String) {
        let registry: Registry.Inspection?
        do throws(DatabaseInspection.Failure) {
            registry = try Registry.inspect(stateDirectory: path, on: disk)
        } catch {
            note(error, "\(path)/\(Registry.fileName)")
            return
        }
        guard let registry else {
            if largest("\(path)/generations", { "\($0)/state.sqlite" }) > 0 {
                warn(
                    "state_dir", "\(path) has states and no \(Registry.fileName)",
                    "restore it from a backup: who was forgotten stands there alone")
            }
            return
        }
        if !registry.foreign.isEmpty {
            return error(
                "state_dir",
                "\(path)/\(Registry.fileName) is a newer ubpd's: "
                    + registry.foreign.joined(separator: ", "),
                "run the version that wrote it, or a newer one")
        }
        let generation = registry.generation ?? 0
        let directory = "\(path)/generations/\(generation)"
        if generation != 0, !FileAccess.isDirectory(directory) {
            return warn(
                "state_dir", "\(directory) is not there, and generation \(generation) was active",
                "restore it from a backup; another generation answers otherwise")
        }
        checkStored("\(directory)/state.sqlite", generation)
    }

    private mutating func checkStored(_ path: String, _ generation: Int64) {
        let found: StateInspection?
        do throws(DatabaseInspection.Failure) {
            found = try StateInspection.read(path, on: disk)
        } catch {
            note(error, path)
            return
        }
        guard let found else { return }
        guard found.generation == generation else {
            return error(
                "state_dir", "\(path) was made by generation \(found.generation)",
                "restore generation \(generation) as a whole")
        }
        checkBelonging(found, path)
    }

    private mutating func note(_ failure: DatabaseInspection.Failure, _ path: String) {
        switch failure {
        case .needsRecovery: warn("state_dir", "\(path): \(failure)", "start the daemon")
        case .damaged:
            warn(
                "state_dir", "\(path): \(failure)",
                "restore it from a backup; a start sets it aside and makes it anew")
        case .unreadable:
            error("state_dir", "\(path): \(failure)", "look at its permissions and at the disk")
        }
    }

    /// Whether the state was folded from this log.
    private mutating func checkBelonging(_ state: StateInspection, _ path: String) {
        let (log, cursor) = (configuration.logDirectory, state.cursor)
        let names = (try? disk.names(in: log)) ?? []
        let segments = names.compactMap { SegmentName.sequence($0) }
        guard cursor.segment >= 0, let first = segments.min(), let last = segments.max() else {
            return
        }
        let held = "\(path) holds \(state.userCount) users"
        if cursor.segment > last {
            warn(
                "log_dir",
                "\(held) as of segment \(cursor.segment), and the last segment of \(log) is \(last)",
                "is it this state's log? the daemon would wait for newer segments")
        } else if cursor.segment < first - 1 {
            warn(
                "log_dir",
                "\(held) as of segment \(cursor.segment), and the first of \(log) is \(first)",
                "bring the segments between back, or what they say is lost to it")
        } else if segments.contains(cursor.segment),
            (try? cursor.identity.isOf(segment: cursor.segment, in: log, on: disk)) == false
        {
            warn(
                "log_dir",
                "\(held), folded from another segment \(cursor.segment) than the one in \(log)",
                "name the log that the state was made of, or another state directory")
        }
    }
}
