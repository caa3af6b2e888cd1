import EventLog
import Snapshots
import Storage

/// Taking over, keeping other spaces served, and letting old generations go.
extension GenerationDesk {
    /// Lets the target take over when it is nearly level.
    func swapIfLevel() async {
        guard let target,
            let new = served.members.first(where: {
                $0.running.id == target.id && ($0.role == .catchingUp || $0.role == .overlapping)
            })?.running, await new.profiler.isNearlyLevel()
        else { return }
        do throws(PipelineError) {
            try await swap(to: new, target)
        } catch {
            failed[target.id] = "\(error)"
        }
    }

    /// Lets `new` take over between two records.
    ///
    /// The active generation stands still at P; the new one folds to P; that is noted; then the
    /// new one leads and answers. A kill leaves the old one active, or the new one.
    private func swap(
        to new: RunningGeneration, _ target: Target
    ) async throws(PipelineError) {
        let old = served.active
        if let published = known[new.id]?.published {
            do {
                try shared.registry.adopt(
                    published, offset: await new.profiler.applied.recordCount,
                    seconds: shared.host.clock.seconds())
            } catch {
                throw .init(error)
            }
        }
        guard let place = await old.profiler.freeze() else { return }
        let patience = shared.options.swapMilliseconds
        guard await new.profiler.reach(place, patienceMilliseconds: patience) else {
            await old.profiler.thaw()
            return
        }
        let epoch: Int64
        do {
            // Before it: a kill between the two makes the old one begin another.
            epoch = try shared.registry.revisionEpoch(
                of: new.id, renews: true, seconds: shared.host.clock.seconds())
            try shared.registry.noteActivation(
                generation: new.id, offset: await new.profiler.applied.recordCount,
                seconds: shared.host.clock.seconds(), place: place,
                passedOver: target.passedOver ?? 0)
        } catch {
            await old.profiler.thaw()
            throw .init(error)
        }
        self.target = nil
        // Another may have been asked for while this one caught up.
        if wanted?.id == new.id { wanted = nil }
        mended.remove(new.id)
        let until = overlaps()[old.id]
        served.swap(to: new, old: until == nil ? .leaving : .overlapping, until: until)
        await new.profiler.lead(shared.options, epoch: epoch)
        if until == nil {
            await old.profiler.retire()
        } else {
            await old.profiler.follow(shared.options)
        }
        served.note("generation \(new.id) took over from generation \(old.id) at record \(place)")
    }

    /// Generations of other spaces to be served, with the end of that.
    private func overlaps() -> [Int64: Int64] {
        do {
            let spaces = try shared.registry.generations().map { ($0.id, $0.space) }
            return OverlapPlan.make(
                try shared.registry.activations(), spaces: Dictionary(uniqueKeysWithValues: spaces),
                days: shared.options.spaceOverlapDays, now: shared.host.clock.seconds())
        } catch {
            served.note("the registry could not be asked which spaces overlap: \(error)")
            return [:]
        }
    }

    /// Starts the overlaps there should be, after a restart, and ends those whose time is over.
    func attendOverlaps() async {
        let plan = overlaps()
        for member in served.members where member.role == .overlapping {
            if let until = plan[member.running.id] {
                served.set(member.running, .overlapping, until: until)
            } else if target?.id != member.running.id {
                served.set(member.running, .leaving)
                served.note("the overlap of space \(member.running.space) is over")
                await member.running.profiler.retire()
            }
        }
        let running = Set(served.members.map(\.running.id))
        for id in plan.keys.sorted() where !running.contains(id) && failed[id] == nil {
            guard known[id]?.published != nil else { continue }
            open(id, as: .overlapping, until: plan[id])
        }
    }

    /// Lets generations and spaces go that nobody needs, beside everything else.
    ///
    /// Kept are those that run or should, those of `current` and of the hold, the newest few, and
    /// the newest of all, so that no id comes twice.
    func removeOld() {
        guard !isRemoving, opening == nil, verifying == nil, target == nil,
            listing.allSatisfy({ known[$0] != nil })
        else { return }
        let needed: Set<Int64>
        let spaces: [Int64]
        do {
            needed = try neededGenerations()
            spaces = try store.spaceIDs()
        } catch {
            return
        }
        let old = listing.dropLast().filter { !needed.contains($0) }
        let spare = listing.filter { !needed.contains($0) }.suffix(
            shared.options.generationRetainCount)
        let gone = old.filter { !spare.contains($0) }
        let goneSpaces = unusedSpaces(spaces, without: Set(gone))
        guard !gone.isEmpty || !goneSpaces.isEmpty else { return }
        isRemoving = true
        Task { [loader, weak self] in
            var problem: PipelineError?
            do throws(PipelineError) {
                try await loader.remove(generations: gone, spaces: goneSpaces)
            } catch {
                problem = error
            }
            await self?.noteRemoved(gone, goneSpaces, problem)
        }
    }

    private func noteRemoved(_ gone: [Int64], _ spaces: [Int64], _ problem: PipelineError?) {
        isRemoving = false
        listing.removeAll { gone.contains($0) }
        for id in gone { (known[id], failed[id]) = (nil, nil) }
        let names = gone.map { "generation \($0)" } + spaces.map { "space \($0)" }
        served.note(
            names.joined(separator: ", ")
                + (problem.map { ": could not be removed: \($0)" } ?? ": removed, by retention"))
    }

    private func neededGenerations() throws -> Set<Int64> {
        var needed = Set(served.members.map(\.running.id))
        needed.formUnion(overlaps().keys)
        needed.formUnion([wanted?.id].compactMap { $0 })
        let current = try shared.snapshots.store.current()
        for version in [current, try shared.registry.hold()?.version] {
            guard let version, let record = try shared.registry.snapshot(version) else { continue }
            needed.insert(try record.manifest().generation)
        }
        return needed
    }

    /// Spaces that no remaining generation is of or is regularised by; never the newest.
    private func unusedSpaces(_ spaces: [Int64], without gone: Set<Int64>) -> [Int64] {
        var used: Set<Int64> = []
        for (id, found) in known where !gone.contains(id) {
            // What a damaged generation needs is not known, so nothing leaves while there is one.
            if case .bad = found { return [] }
            guard let space = found.published?.space.manifest else { continue }
            used.formUnion([space.id, space.previous].compactMap { $0 })
        }
        return spaces.dropLast().filter { !used.contains($0) }
    }
}
