import Logging

/// Writes to the journal which lines of `degraded` have come and gone from one look to the next.
///
/// A line is logged once as a warning when it comes and once as a notice when it is no longer there,
/// with the line as `UBPD_PROBLEM`. The journal outlives the shop's users, so that no id of theirs
/// may stand in it.
package struct DegradedJournal {
    /// The lines of the last look, as they were logged.
    private var known: [String] = []

    /// Starts with nothing known: the first look logs all there is.
    package init() {}

    /// Logs what is new in `lines`, and what is no longer in them.
    ///
    /// - Parameters:
    ///   - lines: what stands under `degraded` now.
    ///   - logger: takes the messages.
    package mutating func note(_ lines: [String], to logger: Logger) {
        var current: [String] = []
        for line in lines.map(Self.withoutUsers) where !current.contains(line) {
            current.append(line)
        }
        for line in current where !known.contains(line) {
            logger.warning("degraded", metadata: ["problem": "\(line)"])
        }
        for line in known where !current.contains(line) {
            logger.notice("no longer under degraded", metadata: ["problem": "\(line)"])
        }
        known = current
    }

    /// A line of `status` with every `user 4711` in it made `a user`.
    ///
    /// - Parameter line: a line of text; damaged state, for one, is described by its user.
    /// - Returns: the line as the journal may have it.
    package static func withoutUsers(_ line: String) -> String {
        line.replacing(/\buser -?[0-9]+/, with: "a user")
    }
}
