import ControlProtocol
import Events
import Pipeline

/// `profile.watch`: a reply that waits for a change.
extension MethodTable {
    func watch(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try WatchParameters(params)
        var query = WatchQuery(limit: Int(parameters.limit))
        if let references = parameters.users { query.users = try users(references) }
        if let text = parameters.after {
            guard let after = Revision(text) else {
                throw ControlError(
                    .invalidParams, "`after` is \"\(text.prefix(60))\"",
                    hint: "send the `revision` of a reply, or nothing to begin now")
            }
            query.after = after
        }
        let page = try await page(query, waitSeconds: parameters.waitSeconds)
        let changes = page.changes.map { change in
            WatchReply.Change(
                user: change.user.description, original: names.name(of: change.user),
                revision: change.revision.description, newest: change.newestSeconds,
                events: change.eventCount, isForgotten: change.isForgotten)
        }
        return WatchReply(
            revision: page.revision.description, changes: changes,
            oldest: page.oldest?.description, space: page.space, generation: page.generation,
            offset: page.offset
        ).json
    }

    /// Asks, and has it answered what there is when the time is over.
    private func page(
        _ query: WatchQuery, waitSeconds: Double
    ) async throws(ControlError) -> WatchPage {
        let service = service
        let answer = await withTaskGroup(of: Result<WatchPage, PipelineError>?.self) { group in
            group.addTask {
                do throws(PipelineError) { return .success(try await service.watch(query)) } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(waitSeconds))
                return nil
            }
            var answer: Result<WatchPage, PipelineError>?
            for await ended in group {
                // Either the answer is there, or it is to be given now.
                group.cancelAll()
                answer = ended ?? answer
            }
            return answer
        }
        guard let answer else {
            throw ControlError(.internalError, "a watch without an end", hint: "report this bug")
        }
        do throws(PipelineError) { return try answer.get() } catch { throw ControlError(error) }
    }
}
