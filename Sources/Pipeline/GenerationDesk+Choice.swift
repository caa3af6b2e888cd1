import EventLog
import Snapshots

/// What should become the active generation, and opening it.
extension GenerationDesk {
    /// Sees to it that the generation that should be active is on its way, and no other.
    func chooseTarget() async {
        let desired = desiredTarget()
        if let target, target.id != desired?.id {
            self.target = nil
            if let member = served.members.first(where: {
                $0.running.id == target.id && $0.role == .catchingUp
            }) {
                served.set(member.running, .leaving)
                await member.running.profiler.retire()
            }
        }
        guard let desired else { return }
        target = desired
        // One that is leaving is opened again once it has left.
        if !served.members.contains(where: { $0.running.id == desired.id }) {
            open(desired.id, as: .catchingUp)
        }
    }

    /// The generation to activate next: an operator's, the held snapshot's, or the newest.
    private func desiredTarget() -> Target? {
        let active = served.active.id
        do {
            if let hold = try shared.registry.hold() {
                if wanted != nil {
                    wanted = nil
                    served.note("an activation was given up, because `current` is held now")
                }
                let snapshot = try shared.registry.snapshot(hold.version)
                guard let id = try snapshot?.manifest().generation, isReady(id), id != active else {
                    return nil
                }
                return Target(id: id)
            }
            if let wanted, isReady(wanted.id), wanted.id != active {
                return Target(id: wanted.id, passedOver: wanted.passedOver)
            }
            wanted = nil
            guard shared.options.activatesByItself, listing.allSatisfy({ known[$0] != nil }) else {
                // Another may be newer still; the one on its way goes on.
                return target
            }
            let floor = try shared.registry.activations().map(\.passedOver).max() ?? 0
            let newest = known.values.compactMap(\.published).filter {
                $0.manifest.isAccepted && $0.manifest.id > max(active, floor)
                    && isReady($0.manifest.id)
            }.map(\.manifest.id).max()
            return newest.map { Target(id: $0) }
        } catch {
            served.note("the registry could not be asked what to activate: \(error)")
            return target
        }
    }

    /// Whether a generation is known to be whole and has not failed.
    private func isReady(_ id: Int64) -> Bool {
        switch known[id] {
        case .builtIn, .good: failed[id] == nil
        default: false
        }
    }

    /// What keeps the held snapshot's generation from answering; nil when nothing does.
    func heldProblem() -> String? {
        guard let hold = try? shared.registry.hold(),
            let manifest = try? shared.registry.snapshot(hold.version)?.manifest(),
            manifest.generation != served.active.id, known[manifest.generation] == nil,
            listing.allSatisfy({ known[$0] != nil })
        else { return nil }
        return "snapshot \(hold.version) is held and generation \(manifest.generation), which made "
            + "it, is not there any more; generation \(served.active.id) answers"
    }

    /// Opens a generation beside everything else; it runs once it is open.
    func open(_ id: Int64, as role: GenerationRole, until: Int64? = nil) {
        guard opening == nil, let found = known[id] else { return }
        opening = id
        Task { [loader, weak self] in
            var result: Result<RunningGeneration, PipelineError>
            do throws(PipelineError) { result = .success(try await loader.open(found)) } catch {
                result = .failure(error)
            }
            await self?.noteOpened(id, role, until, result)
        }
    }

    private func noteOpened(
        _ id: Int64, _ role: GenerationRole, _ until: Int64?,
        _ result: Result<RunningGeneration, PipelineError>
    ) {
        opening = nil
        switch result {
        case .success where isEnding: break
        case .success(let running):
            served.add(.init(running: running, role: role, until: until))
            running.start(shared.bell)
        case .failure(let error): noteFailure(of: id, error)
        }
        shared.bell.ring()
    }

    /// Activates a generation on an operator's word; what became, or would become, of it.
    func activate(
        _ id: Int64, force: Bool, dryRun: Bool
    ) async throws(PipelineError) -> ActivationReport {
        let found = try await knowledge(of: id)
        switch found {
        case nil: throw .unknownGeneration(id)
        case .bad(_, let reason): throw .damagedGeneration(id, reason: reason)
        case .good(let published):
            if !published.manifest.isAccepted, !force {
                throw .refusedGeneration(id, reasons: published.manifest.refusals ?? [])
            }
        case .builtIn: break
        }
        do {
            if let hold = try shared.registry.hold() {
                throw PipelineError.held(reason: hold.reason)
            }
        } catch let error as SnapshotError {
            throw .init(error)
        } catch let error as PipelineError {
            throw error
        } catch {
            throw .state("\(error)")
        }
        let report = ActivationReport(
            previous: served.active.id, generation: id, isActive: served.active.id == id,
            dryRun: dryRun)
        if dryRun || report.isActive { return report }
        failed[id] = nil
        mended.remove(id)
        wanted = Wanted(id: id, passedOver: max(listing.last ?? 0, known.keys.max() ?? 0))
        shared.bell.ring()
        return report
    }
}
