import Foundation
import TestSupport
import Testing

/// What `ubpctl top` looks like on a terminal.
@Suite(.timeLimit(.minutes(5))) struct ScreenTests {
    /// Runs a command on a terminal of 12 rows of 40 columns; prints how often it was scrolled or
    /// wrapped, where the cursor ended, and what stands in each row.
    private static let terminal = """
        import fcntl, os, pty, re, struct, sys, termios
        rows, columns = 12, 40
        child, terminal = pty.fork()
        if child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ["TERM"] = "xterm"
            os.execv(sys.argv[1], sys.argv[1:])
        text = b""
        while True:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
        os.waitpid(child, 0)
        screen = [[" "] * columns for _ in range(rows)]
        row = column = scrolled = wrapped = 0
        wraps = True
        for control, mark in re.findall(r"\\x1b\\[([0-9;?]*[A-Za-z])|(.)", text.decode(), re.S):
            if control.endswith("H"):
                place = [int(number or 1) for number in (control[:-1] or "1;1").split(";")]
                row, column = min(place[0], rows) - 1, min(place[1], columns) - 1
            elif control == "K":
                screen[row][column:] = [" "] * (columns - column)
            elif control == "J":
                screen[row][column:] = [" "] * (columns - column)
                screen[row + 1:] = [[" "] * columns for _ in range(rows - row - 1)]
            elif control in ("?7l", "?7h"):
                wraps = control == "?7h"
            elif mark == "\\r":
                column = 0
            elif mark == "\\n":
                scrolled += row == rows - 1
                row = min(row + 1, rows - 1)
            elif mark:
                if column == columns:
                    wrapped += wraps
                    column -= 1
                screen[row][column] = mark
                column += 1
        print(scrolled, wrapped, wraps, row, column)
        for line in screen:
            print("".join(line).rstrip())
        """

    @Test func `top fits into a small terminal, and leaves its last row to the shell`() async throws
    {
        try await ServerFixture.serve { fixture in
            let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
                .appending(path: "ubpctl").path
            let shown = try await Child.python(
                Self.terminal,
                [
                    program, "--socket", fixture.path, "top", "--count", "3",
                    "--interval", "0.1",
                ]
            ).successful().output
            let lines = shown.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.first == "0 0 True 11 0", "\(shown)")
            #expect(
                lines.count == 14 && lines[1].hasPrefix("ubpd ") && lines[2].isEmpty, "\(shown)")
            #expect(lines[3].hasPrefix("state ") && !lines[11].isEmpty && lines[12].isEmpty)
        }
    }
}
