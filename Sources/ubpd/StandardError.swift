import ArgumentParser
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

/// Writes a text and a line end to standard output, at once and checked.
///
/// `print` loses the errors of its buffer, so that a report onto a full disk would count as given.
///
/// - Parameter text: without its last line end.
/// - Throws: `ExitCode`, after the reason was said; a part of the text may be out then.
func standardOutput(_ text: String) throws(ExitCode) {
    do { try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8)) } catch {
        standardError(
            "ubpd: standard output cannot be written: \(error.localizedDescription); make room or "
                + "write elsewhere, then ask again; what was to be done is done")
        throw ExitCode(ExitStatus.inputOutput)
    }
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
