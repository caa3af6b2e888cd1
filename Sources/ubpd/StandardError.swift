import Daemon
import Foundation
import Logging
import Storage

/// Whether standard error is the system's journal.
let isJournalled = Journal.ofStandardError() != nil

/// Writes a line to standard error, where diagnostics belong; in the journal with its priority, as
/// sd-daemon(3) has it.
func standardError(_ text: String, priority: Logger.Level? = nil) {
    let mark = isJournalled ? priority.map { "<\($0.priority)>" } ?? "" : ""
    FileHandle.standardError.write(Data((mark + text + "\n").utf8))
}

/// Shows how far a long job is: one line that is written over on a terminal, plain lines elsewhere.
final class ProgressText {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var isShown = false
    private var callCount = 0

    /// Shows the latest state; off a terminal every tenth call.
    func show(_ text: String) {
        if isTerminal {
            // CR, the text, and "erase to the end of the line" (ECMA-48, EL).
            FileHandle.standardError.write(Data("\r\(text)\u{1B}[K".utf8))
            isShown = true
        } else {
            if callCount % 10 == 0 { standardError(text) }
            callCount += 1
        }
    }

    /// Leaves the line for what comes after.
    func end() {
        if isShown { standardError("") }
        isShown = false
    }
}
