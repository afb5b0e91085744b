"""A job object: what Windows offers to hold a process in.

The memory it may claim, no child processes, an end together with the parent, and the time it has
computed. Layouts and values: winnt.h, `JOBOBJECT_EXTENDED_LIMIT_INFORMATION` and
`JOBOBJECT_BASIC_ACCOUNTING_INFORMATION`.
"""

from __future__ import annotations

import ctypes
import sys
import threading

_LIMIT_ACTIVE_PROCESS = 0x0008
_LIMIT_PROCESS_MEMORY = 0x0100
_LIMIT_DIE_ON_UNHANDLED_EXCEPTION = 0x0400
"""A crash ends the process at once; no window waits for a click."""
_LIMIT_KILL_ON_JOB_CLOSE = 0x2000

_BASIC_ACCOUNTING = 1
_EXTENDED_LIMITS = 9

_PROCESS_TERMINATE = 0x0001
_PROCESS_SET_QUOTA = 0x0100

_TICKS_PER_SECOND = 10_000_000


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION; 144 bytes on a 64-bit system."""

    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Accounting(ctypes.Structure):
    """JOBOBJECT_BASIC_ACCOUNTING_INFORMATION; 48 bytes."""

    _fields_ = (
        ("TotalUserTime", ctypes.c_int64),
        ("TotalKernelTime", ctypes.c_int64),
        ("ThisPeriodTotalUserTime", ctypes.c_int64),
        ("ThisPeriodTotalKernelTime", ctypes.c_int64),
        ("TotalPageFaultCount", ctypes.c_uint32),
        ("TotalProcesses", ctypes.c_uint32),
        ("ActiveProcesses", ctypes.c_uint32),
        ("TotalTerminatedProcesses", ctypes.c_uint32),
    )


if sys.platform == "win32":

    class Job:
        """A job that holds one process.

        Parameters
        ----------
        pid : int
            A process that runs already, and has not yet read anything foreign.
        memory_bytes : int
            Memory it may commit.

        Raises
        ------
        OSError
            If the system refuses; the process must not be used then.
        """

        kinds = ("memory", "cpu", "processes", "dies_with_parent")

        def __init__(self, pid: int, memory_bytes: int) -> None:
            self._system = ctypes.WinDLL("kernel32", use_last_error=True)
            for name, answer, *asked in (
                ("CreateJobObjectW", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_wchar_p),
                (
                    "SetInformationJobObject",
                    ctypes.c_int,
                    ctypes.c_void_p,
                    ctypes.c_int,
                    ctypes.c_void_p,
                    ctypes.c_uint32,
                ),
                (
                    "QueryInformationJobObject",
                    ctypes.c_int,
                    ctypes.c_void_p,
                    ctypes.c_int,
                    ctypes.c_void_p,
                    ctypes.c_uint32,
                    ctypes.c_void_p,
                ),
                ("OpenProcess", ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32),
                ("AssignProcessToJobObject", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
                ("TerminateJobObject", ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32),
                ("CloseHandle", ctypes.c_int, ctypes.c_void_p),
            ):
                function = getattr(self._system, name)
                function.restype, function.argtypes = answer, asked
            self._using = threading.Lock()
            self._job = self._sure(self._system.CreateJobObjectW(None, None))
            try:
                self._hold(pid, memory_bytes)
            except OSError:
                self.close()
                raise

        def _hold(self, pid: int, memory_bytes: int) -> None:
            limits = ExtendedLimits()
            limits.BasicLimitInformation.LimitFlags = (
                _LIMIT_ACTIVE_PROCESS
                | _LIMIT_PROCESS_MEMORY
                | _LIMIT_DIE_ON_UNHANDLED_EXCEPTION
                | _LIMIT_KILL_ON_JOB_CLOSE
            )
            limits.BasicLimitInformation.ActiveProcessLimit = 1
            limits.ProcessMemoryLimit = memory_bytes
            size = ctypes.sizeof(limits)
            self._sure(
                self._system.SetInformationJobObject(self._job, _EXTENDED_LIMITS, ctypes.byref(limits), size)
            )
            process = self._sure(self._system.OpenProcess(_PROCESS_SET_QUOTA | _PROCESS_TERMINATE, 0, pid))
            try:
                self._sure(self._system.AssignProcessToJobObject(self._job, process))
            finally:
                self._system.CloseHandle(process)

        def _sure(self, answer: int | None) -> int:
            """The answer of a call; zero is a refusal and raises."""
            if not answer:
                raise ctypes.WinError(ctypes.get_last_error())
            return answer

        def cpu_s(self) -> float:
            """Seconds the process has computed, in its own code and in the system's; 0 after `close`."""
            used = Accounting()
            size = ctypes.sizeof(used)
            with self._using:
                if self._job:
                    self._sure(
                        self._system.QueryInformationJobObject(
                            self._job, _BASIC_ACCOUNTING, ctypes.byref(used), size, None
                        )
                    )
            return float(used.TotalUserTime + used.TotalKernelTime) / _TICKS_PER_SECOND

        def close(self) -> None:
            """End the process, if it still runs, and let go of the job; a second time does nothing."""
            with self._using:
                if self._job:
                    self._system.TerminateJobObject(self._job, 1)
                    self._system.CloseHandle(self._job)
                    self._job = 0
