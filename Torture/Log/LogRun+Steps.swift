import EventLog
import Storage
import TestSupport

extension LogRun {
    /// Does one step; one that makes no sense now does nothing.
    func perform(_ step: LogPlan.Step) throws {
        switch step {
        case .damage(let index, let damage):
            guard !files[index].isCreated else { return }
            damage.apply(to: &files[index].waiting, of: units[files[index].unit])
        case .create(let index): try create(index)
        case .grow(let index, let count): try grow(index, count)
        case .finish(let index): try grow(index, .max)
        case .tick(let milliseconds): tick(milliseconds: milliseconds)
        case .poll(let count): try poll(count)
        case .faultyPoll(let faults): try pollFaultily(faults)
        case .commit: committedCount = handedOut.count
        case .resume(let place, let options):
            let range = handedOut.count - committedCount
            try resume(after: committedCount + Int(place * Double(range + 1)), options)
        case .restart(let options): try resume(after: committedCount, options)
        case .truncate(let index, let place, let goesOnInFrame):
            try truncate(index, place, goesOnInFrame: goesOnInFrame)
        case .replace(let index, let isInPlace): try replace(index, isInPlace: isInPlace)
        case .copy(let index): try copy(index)
        case .rename(let index): try rename(index)
        case .delete(let index): try delete(index)
        case .deleteBelow: try deleteBelow()
        case .hideDirectory(let milliseconds): try hideDirectory(milliseconds)
        case .machineCrash(let index, let seed): try crashMachine(index, seed)
        }
    }

    private func pollFaultily(_ faults: [(after: Int, isShort: Bool)]) throws {
        guard let memory else { return }
        for fault in faults {
            memory.inject(
                fault.isShort ? .shortRead(1 + fault.after) : .error(13),
                at: memory.operationCount + fault.after)
        }
        try poll(5)
        memory.removeFaults()
    }

    // MARK: Lives

    /// Whether a segment's file is there, and the last one so far.
    private func isActive(_ index: Int) -> Bool {
        files[index].isCreated && !files[index].isGone
            && files[(index + 1)...].allSatisfy { !$0.isCreated }
    }

    /// Cuts the file; its writer goes on with its next frame, or where it was.
    private func truncate(_ index: Int, _ place: Double, goesOnInFrame: Bool) throws {
        guard isActive(index), files[index].written.count > 0 else { return }
        let size = Int(place * Double(files[index].written.count))
        try disk.open(path(index), .update).truncate(to: Int64(size))
        if !goesOnInFrame { skipToNextPiece(index) }
        files[index].written.remove(size..<files[index].written.count)
        epoch += 1
        files[index].cut = (epoch, size)
        forgive(files[index].unit)
        while try !poll(1000) {}
    }

    private func skipToNextPiece(_ index: Int) {
        let starts = Set(units[files[index].unit].pieces.map(\.bytes.lowerBound))
        let next = files[index].waiting.origins.firstIndex { origin in
            origin.map(starts.contains) == true
        }
        _ = files[index].waiting.takeFirst(next ?? files[index].waiting.count)
    }

    private func replace(_ index: Int, isInPlace: Bool) throws {
        guard isActive(index), files[index].unit == 2 * index else { return }
        let spare = units[2 * index + 1]
        fates[2 * index].held = files[index].written
        fates[2 * index].isLost = true
        if !isInPlace { try disk.remove(path(index)) }
        let file = try disk.open(path(index), .createOrUpdate)
        try file.truncate(to: 0)
        try file.write(spare.bytes, at: 0)
        forgive(2 * index)
        forgive(2 * index + 1)
        files[index].unit = 2 * index + 1
        files[index].waiting = CarriedBytes()
        files[index].written = CarriedBytes(spare)
        files[index].grownNanoseconds = now
        // A short file in the same inode looks like one that was cut; a real disk uses inodes again.
        if (isInPlace || memory == nil) && spare.bytes.count < 1024 { makeUncertain(2 * index + 1) }
    }

    private func copy(_ index: Int) throws {
        guard isActive(index) else { return }
        try disk.remove(path(index))
        try disk.open(path(index), .create).write(files[index].written.bytes, at: 0)
        hasHistory = true
    }

    private func rename(_ index: Int) throws {
        let next = index + 1 < files.count ? files[index + 1].sequence : .max
        guard isActive(index), files[index].sequence + 1 < next else { return }
        let old = path(index)
        files[index].sequence += 1
        try disk.rename(old, to: path(index))
        hasHistory = true
    }

    private func delete(_ index: Int) throws {
        guard files[index].isCreated, !files[index].isGone else { return }
        try disk.remove(path(index))
        files[index].isGone = true
        forgive(files[index].unit)
        fates[files[index].unit].isLost = true
    }

    private func deleteBelow() throws {
        guard committedCount > 0 else { return }
        let cursor = handedOut[committedCount - 1].cursor
        for index in files.indices
        where files[index].sequence < cursor.segment && files[index].isCreated
            && !files[index].isGone
        {
            try disk.remove(path(index))
            files[index].isGone = true
            hasHistory = true
        }
    }

    /// The directory is away for a while, as a file system that is mounted late.
    private func hideDirectory(_ milliseconds: Int) throws {
        let isBeingSealed = files.indices.contains { isUnfinished($0) && !isActive($0) }
        guard !isBeingSealed, files.contains(where: \.isCreated) else { return }
        try disk.rename(root + "/" + Self.directory, to: root + "/away")
        try poll(3)
        tick(milliseconds: milliseconds)
        try poll(3)
        try disk.rename(root + "/away", to: root + "/" + Self.directory)
        hasHistory = true
    }

    /// What was synced stays; the rest of the last file is as the crash left it, and not gone on.
    private func crashMachine(_ index: Int, _ seed: UInt64) throws {
        guard let memory, isActive(index) else { return }
        try memory.syncTree("/")
        let syncedCount = files[index].written.count
        try grow(index, Int(seed % 700))
        memory.crash(.some(seed: seed))
        let left = try memory.bytes(of: path(index), limit: 1 << 30)
        let common = zip(left, files[index].written.bytes).prefix { $0 == $1 }.count
        precondition(common >= syncedCount, "the disk lost what was synced")
        files[index].written.become(left)
        files[index].waiting = CarriedBytes()
        epoch += 1
        files[index].cut = (epoch, common)
        forgive(files[index].unit)
        try resume(after: committedCount, reader.options)
    }

    /// Something happened to a segment's file that notices tell, and that cannot be read again.
    private func forgive(_ unit: Int) {
        hasHistory = true
        fates[unit].isForgiven = true
    }
}
