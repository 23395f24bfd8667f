#include "unit.h"

CU_TestInfo base_log_tests[] = {
	CU_TEST_INFO_NULL,
};
