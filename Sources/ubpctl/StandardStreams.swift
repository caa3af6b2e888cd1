import Foundation

/// Where everything goes that a verb answers: standard output, at once and checked.
///
/// `print` keeps texts in a buffer and loses its errors, and `FileHandle.write(_:)` traps on one.
enum StandardOutput {
    /// Writes a text and a line end.
    ///
    /// - Parameter line: the text, without its last line end.
    /// - Throws: `readerGone` or `unwritable`; a part of the text may be out then.
    static func write(line: String) throws(Failure) { try write(Array((line + "\n").utf8)) }

    /// Writes bytes as they are.
    ///
    /// - Parameter bytes: what is written.
    /// - Throws: `readerGone` or `unwritable`; some of the bytes may be out then.
    static func write(_ bytes: [UInt8]) throws(Failure) {
        do { try FileHandle.standardOutput.write(contentsOf: Data(bytes)) } catch {
            switch systemErrorNumber(of: error) {
            case EPIPE: throw .readerGone
            case ENOSPC, EDQUOT: throw .unwritable(reason: "no space is left")
            case EBADF: throw .unwritable(reason: "it is closed")
            case let number?: throw .unwritable(reason: "system error \(number)")
            case nil: throw .unwritable(reason: "\(error)")
            }
        }
    }

    /// The `errno` that Foundation wraps.
    ///
    /// - Parameter error: what a file handle threw.
    /// - Returns: nil when there is none in it.
    private static func systemErrorNumber(of error: any Error) -> Int32? {
        var next: (any Error)? = error
        while let found = next as? NSError {
            if found.domain == NSPOSIXErrorDomain { return Int32(found.code) }
            next = found.userInfo[NSUnderlyingErrorKey] as? any Error
        }
        return nil
    }
}

/// What is said beside the answer.
enum StandardError {
    /// Writes a text as it is.
    ///
    /// There is nowhere to say that standard error cannot be written, and no answer is lost by it.
    ///
    /// - Parameter text: with its line end, if it is to have one.
    static func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
