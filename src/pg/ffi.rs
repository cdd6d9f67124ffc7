//! The Postgres functions that the ledger calls, declared without pgrx's guard around each: an error in them jumps to
//! the enclosing [`super::error::pg_try`].

use pgrx::pg_sys::{
    ArrayType, BackendState, BackgroundWorker, BackgroundWorkerHandle, BgwHandleStatus, CatalogIndexState, Datum,
    EState, ErrorData, FunctionCallInfo, GucBoolAssignHook, GucBoolCheckHook, GucContext, GucIntAssignHook,
    GucIntCheckHook, GucShowHook, GucSource, GucStringAssignHook, GucStringCheckHook, HeapTuple, ItemPointerData,
    LOCKTAG, Latch, List, LockAcquireResult, LockTupleMode, MemoryContext, Oid, PGFunction, Portal, Relation,
    SPIPlanPtr, ScanKeyData, Snapshot, SysScanDesc, TM_FailureData, TM_Result, TransactionId, TupleDesc,
    TupleTableSlot, TupleTableSlotOps, Tuplestorestate, TypeCacheEntry, TypeFuncClass, XLTW_Oper, varlena,
};
use std::ffi::{CStr, c_char, c_int, c_long, c_void};

unsafe extern "C-unwind" {
    // errors
    pub fn CopyErrorData() -> *mut ErrorData;
    pub fn FlushErrorState();
    pub fn FreeErrorData(error: *mut ErrorData);
    pub fn ReThrowError(error: *mut ErrorData) -> !;
    pub fn ThrowErrorData(error: *mut ErrorData);

    // memory
    pub fn palloc(size: usize) -> *mut c_void;
    pub fn MemoryContextAllocExtended(context: MemoryContext, size: usize, flags: c_int) -> *mut c_void;
    pub fn AllocSetContextCreateInternal(
        parent: MemoryContext,
        name: *const c_char,
        min: usize,
        initial: usize,
        max: usize,
    ) -> MemoryContext;
    pub fn MemoryContextReset(context: MemoryContext);
    pub fn MemoryContextDelete(context: MemoryContext);

    // values
    pub fn pg_detoast_datum(value: *mut varlena) -> *mut varlena;
    pub fn pg_detoast_datum_packed(value: *mut varlena) -> *mut varlena;
    pub fn DirectFunctionCall1Coll(function: PGFunction, collation: Oid, a: Datum) -> Datum;
    pub fn DirectFunctionCall2Coll(function: PGFunction, collation: Oid, a: Datum, b: Datum) -> Datum;
    pub fn DirectFunctionCall3Coll(function: PGFunction, collation: Oid, a: Datum, b: Datum, c: Datum) -> Datum;
    pub fn jsonb_in(call: FunctionCallInfo) -> Datum;
    pub fn jsonb_out(call: FunctionCallInfo) -> Datum;
    pub fn numeric_out(call: FunctionCallInfo) -> Datum;
    pub fn timestamptz_in(call: FunctionCallInfo) -> Datum;
    pub fn timestamptz_zone(call: FunctionCallInfo) -> Datum;
    pub fn timestamp_zone(call: FunctionCallInfo) -> Datum;
    pub fn construct_array(
        elements: *mut Datum,
        count: c_int,
        element_type: Oid,
        length: c_int,
        by_value: bool,
        align: c_char,
    ) -> *mut ArrayType;
    pub fn deconstruct_array(
        array: *mut ArrayType,
        element_type: Oid,
        length: c_int,
        by_value: bool,
        align: c_char,
        elements: *mut *mut Datum,
        nulls: *mut *mut bool,
        count: *mut c_int,
    );

    // tuples and types
    pub fn heap_form_tuple(shape: TupleDesc, values: *mut Datum, nulls: *mut bool) -> HeapTuple;
    pub fn heap_deform_tuple(tuple: HeapTuple, shape: TupleDesc, values: *mut Datum, nulls: *mut bool);
    pub fn lookup_type_cache(type_: Oid, flags: c_int) -> *mut TypeCacheEntry;
    pub fn lookup_rowtype_tupdesc(type_: Oid, modifier: i32) -> TupleDesc;
    pub fn DecrTupleDescRefCount(shape: TupleDesc);
    pub fn get_func_rettype(function: Oid) -> Oid;
    pub fn get_call_result_type(call: FunctionCallInfo, type_: *mut Oid, shape: *mut TupleDesc) -> TypeFuncClass::Type;
    pub fn BlessTupleDesc(shape: TupleDesc) -> TupleDesc;
    pub fn get_namespace_oid(name: *const c_char, missing_ok: bool) -> Oid;
    pub fn get_relname_relid(name: *const c_char, schema: Oid) -> Oid;
    pub fn get_rel_type_id(relation: Oid) -> Oid;
    pub fn get_array_type(type_: Oid) -> Oid;
    pub fn InitMaterializedSRF(call: FunctionCallInfo, flags: u32);
    pub fn tuplestore_putvalues(
        store: *mut Tuplestorestate,
        shape: TupleDesc,
        values: *const Datum,
        nulls: *const bool,
    );

    // rows by an index
    pub fn relation_open(relation: Oid, lock: c_int) -> Relation;
    pub fn try_relation_open(relation: Oid, lock: c_int) -> Relation;
    pub fn relation_close(relation: Relation, lock: c_int);
    pub fn ScanKeyInit(key: *mut ScanKeyData, column: i16, strategy: u16, function: Oid, value: Datum);
    pub fn systable_beginscan(
        table: Relation,
        index: Oid,
        use_index: bool,
        snapshot: Snapshot,
        count: c_int,
        keys: *mut ScanKeyData,
    ) -> SysScanDesc;
    pub fn systable_getnext(scan: SysScanDesc) -> HeapTuple;
    pub fn systable_endscan(scan: SysScanDesc);
    pub fn systable_beginscan_ordered(
        table: Relation,
        index: Relation,
        snapshot: Snapshot,
        count: c_int,
        keys: *mut ScanKeyData,
    ) -> SysScanDesc;
    pub fn systable_getnext_ordered(scan: SysScanDesc, direction: c_int) -> HeapTuple;
    pub fn systable_endscan_ordered(scan: SysScanDesc);
    pub fn CacheRegisterRelcacheCallback(function: pgrx::pg_sys::RelcacheCallbackFunction, argument: Datum);

    // rows without the executor
    pub fn heap_copytuple(tuple: HeapTuple) -> HeapTuple;
    pub fn heap_modify_tuple(
        tuple: HeapTuple,
        shape: TupleDesc,
        values: *mut Datum,
        nulls: *mut bool,
        replaced: *mut bool,
    ) -> HeapTuple;
    #[cfg(feature = "pg15")]
    pub fn heap_update(
        table: Relation,
        place: *mut ItemPointerData,
        tuple: HeapTuple,
        command: u32,
        crosscheck: Snapshot,
        wait: bool,
        failure: *mut TM_FailureData,
        lock: *mut LockTupleMode::Type,
    ) -> TM_Result::Type;
    #[cfg(not(feature = "pg15"))]
    pub fn heap_update(
        table: Relation,
        place: *mut ItemPointerData,
        tuple: HeapTuple,
        command: u32,
        crosscheck: Snapshot,
        wait: bool,
        failure: *mut TM_FailureData,
        lock: *mut LockTupleMode::Type,
        indexes: *mut c_int,
    ) -> TM_Result::Type;
    pub fn CatalogTupleInsert(table: Relation, tuple: HeapTuple);
    pub fn CatalogOpenIndexes(table: Relation) -> CatalogIndexState;
    pub fn CatalogCloseIndexes(indexes: CatalogIndexState);
    pub fn RelationGetIndexList(table: Relation) -> *mut List;
    pub fn RelationGetIndexExpressions(index: Relation) -> *mut List;
    pub fn RelationGetIndexPredicate(index: Relation) -> *mut List;
    pub fn CreateExecutorState() -> *mut EState;
    pub fn FreeExecutorState(state: *mut EState);
    pub fn MakeSingleTupleTableSlot(shape: TupleDesc, operations: *const TupleTableSlotOps) -> *mut TupleTableSlot;
    pub fn ExecStoreHeapTuple(tuple: HeapTuple, slot: *mut TupleTableSlot, free: bool) -> *mut TupleTableSlot;
    pub fn ExecDropSingleTupleTableSlot(slot: *mut TupleTableSlot);
    #[cfg(feature = "pg15")]
    pub fn ExecInsertIndexTuples(
        indexes: CatalogIndexState,
        slot: *mut TupleTableSlot,
        state: *mut EState,
        update: bool,
        no_error: bool,
        conflict: *mut bool,
        arbiters: *mut List,
    ) -> *mut List;
    #[cfg(not(feature = "pg15"))]
    pub fn ExecInsertIndexTuples(
        indexes: CatalogIndexState,
        slot: *mut TupleTableSlot,
        state: *mut EState,
        update: bool,
        no_error: bool,
        conflict: *mut bool,
        arbiters: *mut List,
        only_summarizing: bool,
    ) -> *mut List;
    pub fn GetCurrentCommandId(used: bool) -> u32;
    pub fn PreventCommandIfReadOnly(command: *const c_char);
    pub fn PreventCommandIfParallelMode(command: *const c_char);

    // SPI
    pub fn SPI_connect() -> c_int;
    pub fn SPI_finish() -> c_int;
    pub fn SPI_prepare_cursor(sql: *const c_char, count: c_int, types: *mut Oid, options: c_int) -> SPIPlanPtr;
    pub fn SPI_keepplan(plan: SPIPlanPtr) -> c_int;
    pub fn SPI_freeplan(plan: SPIPlanPtr) -> c_int;
    pub fn SPI_execute(sql: *const c_char, read_only: bool, limit: c_long) -> c_int;
    pub fn SPI_execute_plan(
        plan: SPIPlanPtr,
        values: *mut Datum,
        nulls: *const c_char,
        read_only: bool,
        limit: c_long,
    ) -> c_int;
    pub fn SPI_execute_snapshot(
        plan: SPIPlanPtr,
        values: *mut Datum,
        nulls: *const c_char,
        snapshot: Snapshot,
        crosscheck: Snapshot,
        read_only: bool,
        fire_triggers: bool,
        limit: c_long,
    ) -> c_int;
    pub fn SPI_cursor_open(
        name: *const c_char,
        plan: SPIPlanPtr,
        values: *mut Datum,
        nulls: *const c_char,
        read_only: bool,
    ) -> Portal;
    pub fn SPI_cursor_fetch(portal: Portal, forward: bool, count: c_long);
    pub fn SPI_cursor_close(portal: Portal);
    pub fn SPI_freetuptable(table: *mut pgrx::pg_sys::SPITupleTable);
    pub fn SPI_result_code_string(code: c_int) -> *const c_char;

    // transactions and snapshots
    pub fn BeginInternalSubTransaction(name: *const c_char);
    pub fn ReleaseCurrentSubTransaction();
    pub fn RollbackAndReleaseCurrentSubTransaction();
    pub fn ProcessInterrupts();
    pub fn CommandCounterIncrement();
    pub fn IsInParallelMode() -> bool;
    pub fn IsLogicalWorker() -> bool;
    pub fn GetTransactionSnapshot() -> Snapshot;
    pub fn PushActiveSnapshot(snapshot: Snapshot);
    pub fn GetActiveSnapshot() -> Snapshot;
    pub fn PopActiveSnapshot();

    pub fn TransactionIdIsCurrentTransactionId(transaction: TransactionId) -> bool;
    pub fn TransactionIdIsInProgress(transaction: TransactionId) -> bool;
    pub fn XactLockTableWait(
        transaction: TransactionId,
        table: Relation,
        row: *const ItemPointerData,
        operation: XLTW_Oper::Type,
    );
    pub fn LockAcquire(tag: *const LOCKTAG, mode: c_int, for_session: bool, no_wait: bool) -> LockAcquireResult::Type;
    pub fn LockRelease(tag: *const LOCKTAG, mode: c_int, of_session: bool) -> bool;

    // the session
    pub fn GetCurrentTimestamp() -> i64;
    pub fn GetCurrentStatementStartTimestamp() -> i64;
    pub fn GetCurrentTransactionStartTimestamp() -> i64;
    pub fn GetOuterUserId() -> Oid;
    pub fn GetUserNameFromId(role: Oid, missing_ok: bool) -> *mut c_char;
    pub fn pg_strong_random(buffer: *mut c_void, size: usize) -> bool;
    pub fn DefineCustomStringVariable(
        name: *const c_char,
        short_description: *const c_char,
        long_description: *const c_char,
        value: *mut *mut c_char,
        initial: *const c_char,
        context: GucContext::Type,
        flags: c_int,
        check: GucStringCheckHook,
        assign: GucStringAssignHook,
        show: GucShowHook,
    );
    pub fn DefineCustomBoolVariable(
        name: *const c_char,
        short_description: *const c_char,
        long_description: *const c_char,
        value: *mut bool,
        initial: bool,
        context: GucContext::Type,
        flags: c_int,
        check: GucBoolCheckHook,
        assign: GucBoolAssignHook,
        show: GucShowHook,
    );
    pub fn DefineCustomIntVariable(
        name: *const c_char,
        short_description: *const c_char,
        long_description: *const c_char,
        value: *mut c_int,
        initial: c_int,
        min: c_int,
        max: c_int,
        context: GucContext::Type,
        flags: c_int,
        check: GucIntCheckHook,
        assign: GucIntAssignHook,
        show: GucShowHook,
    );
    pub fn GetConfigOption(name: *const c_char, missing_ok: bool, restricted: bool) -> *const c_char;
    pub fn MarkGUCPrefixReserved(prefix: *const c_char);

    // background workers
    pub fn RegisterBackgroundWorker(worker: *mut BackgroundWorker);
    pub fn RegisterDynamicBackgroundWorker(
        worker: *mut BackgroundWorker,
        handle: *mut *mut BackgroundWorkerHandle,
    ) -> bool;
    pub fn GetBackgroundWorkerPid(handle: *mut BackgroundWorkerHandle, process: *mut c_int) -> BgwHandleStatus::Type;
    pub fn TerminateBackgroundWorker(handle: *mut BackgroundWorkerHandle);
    pub fn BackgroundWorkerUnblockSignals();
    pub fn BackgroundWorkerInitializeConnection(database: *const c_char, role: *const c_char, flags: u32);
    #[cfg_attr(feature = "pg18", link_name = "pqsignal_be")]
    pub fn pqsignal(signal: c_int, handler: Option<unsafe extern "C-unwind" fn(c_int)>);
    pub fn SignalHandlerForConfigReload(signal: c_int);
    pub fn SignalHandlerForShutdownRequest(signal: c_int);
    pub fn die(signal: c_int);
    pub fn WaitLatch(latch: *mut Latch, events: c_int, milliseconds: c_long, wait_event: u32) -> c_int;
    pub fn ResetLatch(latch: *mut Latch);
    pub fn ProcessConfigFile(context: GucContext::Type);
    pub fn proc_exit(code: c_int) -> !;
    pub fn RequestAddinShmemSpace(size: usize);
    pub fn ShmemInitStruct(name: *const c_char, size: usize, found: *mut bool) -> *mut c_void;
    pub fn StartTransactionCommand();
    pub fn CommitTransactionCommand();
    pub fn SetCurrentStatementStartTimestamp();
    pub fn pgstat_report_activity(state: BackendState::Type, activity: *const c_char);
    pub fn OidFunctionCall1Coll(function: Oid, collation: Oid, a: Datum) -> Datum;
    pub fn GetUserIdAndSecContext(user: *mut Oid, context: *mut c_int);
    pub fn SetUserIdAndSecContext(user: Oid, context: c_int);
    pub fn SetConfigOption(
        name: *const c_char,
        value: *const c_char,
        context: GucContext::Type,
        source: GucSource::Type,
    );
}

/// `MemoryContextAllocExtended`: NULL instead of an error where there is no memory.
const ALLOC_NO_OOM: c_int = 0x02;

/// Allocates, or returns NULL: for places that must not jump.
pub unsafe fn try_palloc(size: usize) -> *mut u8 {
    unsafe { MemoryContextAllocExtended(pgrx::pg_sys::CurrentMemoryContext, size, ALLOC_NO_OOM).cast() }
}

/// A new memory context under another one.
pub unsafe fn new_context(parent: MemoryContext, name: &'static CStr) -> MemoryContext {
    unsafe { AllocSetContextCreateInternal(parent, name.as_ptr(), 0, 8 << 10, 8 << 20) }
}

/// Makes a context the current one and returns the one before.
pub unsafe fn switch_context(context: MemoryContext) -> MemoryContext {
    unsafe {
        let before = pgrx::pg_sys::CurrentMemoryContext;
        pgrx::pg_sys::CurrentMemoryContext = context;
        before
    }
}

/// A copy that ends with a zero byte.
pub unsafe fn cstring(text: &str) -> *mut c_char {
    unsafe {
        let copy = palloc(text.len() + 1).cast::<u8>();
        std::ptr::copy_nonoverlapping(text.as_ptr(), copy, text.len());
        copy.add(text.len()).write(0);
        copy.cast()
    }
}
